package store

import (
	"context"

	"redrive/pkg/webhook"
)

// PageEvents returns a page of the events that the filter selects, newest first, with their sizes. ReadEvents reads them. A page of several
// conditions of which each matches many events may be short or empty although the list goes on, see walk.
func (s *Store) PageEvents(ctx context.Context, f webhook.EventFilter, page webhook.Page) (list webhook.List[webhook.Sized], err error) {
	if found, answered, err := onReplica(ctx, s, func(ctx context.Context, r *Store) (webhook.List[webhook.Sized], error) {
		return r.PageEvents(ctx, f, page)
	}); answered {
		return found, err
	}
	w, err := s.eventWalk(ctx, f)
	if err != nil {
		return list, s.translate("search events", err)
	}
	ids, next, err := s.page(ctx, w, page)
	if err != nil {
		return list, s.translate("search events", err)
	}
	list.HasMore, list.Next = next != "", next
	if len(ids) == 0 {
		return list, nil
	}
	bytes := "octet_length(data)"
	if page.WithoutBodies {
		bytes = "0"
	}
	err = s.db.WithContext(ctx).Model(&eventRow{}).Select("id, " + bytes + " AS bytes").Where(s.oneOf("id", ids)).Order("id DESC").Scan(&list.Items).Error
	return list, s.translate("search events", err)
}

// eventWalk returns the walk of events along the index of the condition that matches few of them, or of the first condition.
func (s *Store) eventWalk(ctx context.Context, f webhook.EventFilter) (walk, error) {
	var all conditions
	all.created("e", webhook.KindEvent, f.From, f.To)
	fields := webhook.DeliveryFilter{OrganizationID: f.OrganizationID, EventType: f.Type, WorkflowID: f.WorkflowID, RunID: f.RunID, ExecutionID: f.ExecutionID}
	searched := searchedEvents(fields)
	switch len(searched) {
	case 0:
		all.equal("e.organization_id", f.OrganizationID)
		return newWalk("events", "e", conditions{}, all), nil
	case 1:
		return newWalk("events", "e", conditions{}, searched[0].and(all)), nil
	}
	first := newWalk("events", "e", eventFields(fields), searched[0].and(all))
	for _, events := range searched {
		w := newWalk("events", "e", eventFields(fields), events.and(all))
		if few, err := s.few(ctx, w); err != nil || few {
			return w, err
		}
	}
	return first, nil
}

// ReadEvents returns the organization's events that have the IDs, newest first. It leaves out those that have been purged.
func (s *Store) ReadEvents(ctx context.Context, organizationID string, ids []string) ([]webhook.Event, error) {
	if found, answered, err := onReplica(ctx, s, func(ctx context.Context, r *Store) ([]webhook.Event, error) {
		return r.ReadEvents(ctx, organizationID, ids)
	}); answered {
		return found, err
	}
	return s.readEvents(ctx, organizationID, ids)
}

// ReadEventsWithoutBodies is ReadEvents without the data.
func (s *Store) ReadEventsWithoutBodies(ctx context.Context, organizationID string, ids []string) ([]webhook.Event, error) {
	if found, answered, err := onReplica(ctx, s, func(ctx context.Context, r *Store) ([]webhook.Event, error) {
		return r.ReadEventsWithoutBodies(ctx, organizationID, ids)
	}); answered {
		return found, err
	}
	return s.readEvents(ctx, organizationID, ids, "data")
}

func (s *Store) readEvents(ctx context.Context, organizationID string, ids []string, omitted ...string) ([]webhook.Event, error) {
	var rows []eventRow
	query := s.db.WithContext(ctx).Omit(omitted...).Where("organization_id = ?", organizationID).Where(s.oneOf("id", ids))
	if err := query.Order("id DESC").Find(&rows).Error; err != nil {
		return nil, s.translate("read events", err)
	}
	events := make([]webhook.Event, len(rows))
	for i, row := range rows {
		events[i] = row.event()
	}
	return events, nil
}

// FindEvent returns one event of the organization.
func (s *Store) FindEvent(ctx context.Context, organizationID, id string) (webhook.Event, error) {
	events, err := s.ReadEvents(ctx, organizationID, []string{id})
	if err == nil && len(events) == 0 {
		err = webhook.NotFound("event", id)
	}
	if err != nil {
		return webhook.Event{}, err
	}
	return events[0], nil
}

// SizeEvent returns the size of one event of the organization.
func (s *Store) SizeEvent(ctx context.Context, organizationID, id string) (found webhook.Sized, err error) {
	err = s.db.WithContext(ctx).Model(&eventRow{}).Select("id, octet_length(data) AS bytes").
		Where("organization_id = ? AND id = ?", organizationID, id).Take(&found).Error
	return found, s.translate("find an event", notFound(err, "event", id))
}
