package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"redrive/pkg/webhook"
)

// LoadDispatch is LoadDispatches for one delivery.
func (s *Store) LoadDispatch(ctx context.Context, id string) (webhook.Dispatch, error) {
	dispatches, failures := s.LoadDispatches(ctx, []string{id})
	return dispatches[0], failures[0]
}

// LoadDispatches returns what an attempt of each delivery needs, without data that is larger than webhook.MaxLoadedData. The dispatcher calls it for the deliveries of all organizations.
// Dispatches and errors are in the order of the IDs, and one error does not affect the other deliveries.
func (s *Store) LoadDispatches(ctx context.Context, ids []string) ([]webhook.Dispatch, []error) {
	dispatches, failures := make([]webhook.Dispatch, len(ids)), make([]error, len(ids))
	rows, endpoints, err := s.loadTogether(ctx, ids)
	for i, id := range ids {
		row, found := rows[id]
		switch {
		case err != nil:
			failures[i] = s.translate("load deliveries", err)
		case !found:
			failures[i] = webhook.NotFound("delivery", id)
		default:
			dispatches[i], failures[i] = row.dispatch(endpoints[row.EndpointID])
		}
	}
	return dispatches, failures
}

// dispatch returns what an attempt of the delivery needs. Missing says which part is not in the database.
func (r deliveryRow) dispatch(endpoint openedEndpoint) (webhook.Dispatch, error) {
	dispatch := webhook.Dispatch{
		Delivery: r.delivery(), Event: r.eventOrNone(), Endpoint: endpoint.Endpoint, Attempts: r.AttemptCount,
	}
	switch {
	case r.Event == nil:
		dispatch.Missing = webhook.FailureEventMissing
	case webhook.CodeOf(endpoint.err) == webhook.CodeNotFound:
		dispatch.Missing = webhook.FailureEndpointMissing
	default:
		dispatch.Omitted = r.Event.omitted
		return dispatch, endpoint.err
	}
	return dispatch, nil
}

// LoadEndpoints returns endpoints with their secrets and the state of their organizations, in the order of the IDs, deleted ones too. The
// dispatcher calls it for the endpoints of all organizations. One error does not affect the other endpoints.
func (s *Store) LoadEndpoints(ctx context.Context, ids []string) ([]webhook.Endpoint, []error) {
	found, err := s.openEndpoints(ctx, ids)
	return each(ids, func(id string) (webhook.Endpoint, error) {
		if err != nil {
			return webhook.Endpoint{}, s.translate("load endpoints", err)
		}
		endpoint, known := found[id]
		if !known {
			return webhook.Endpoint{}, webhook.NotFound("endpoint", id)
		}
		return endpoint.Endpoint, endpoint.err
	})
}

// openEndpointsByList and openEndpointsByArray are the statements of openEndpoints, with the IDs as a list and as an array of PostgreSQL.
var (
	openEndpointsByList  = openEndpointsSQL + "IN ?"
	openEndpointsByArray = newNumbered(openEndpointsSQL + "= " + anyKept)
)

const openEndpointsSQL = "SELECT " + endpointColumnsToSend + `, o.deleted_at
FROM endpoints e LEFT JOIN organizations o ON o.id = e.organization_id WHERE e.id `

// openEndpoints reads endpoints by ID, in one statement. It leaves out those that do not exist. An organization without a row is not
// deleted.
func (s *Store) openEndpoints(ctx context.Context, ids []string) (endpoints map[string]openedEndpoint, err error) {
	var rows *sql.Rows
	if s.dialect.Postgres {
		rows, err = openEndpointsByArray.rows(s.db.WithContext(ctx), array{ids})
	} else {
		rows, err = s.db.WithContext(ctx).Raw(openEndpointsByList, ids).Rows()
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	endpoints = make(map[string]openedEndpoint, len(ids))
	for rows.Next() {
		var row endpointRow
		var organizationDeletedAt *time.Time
		if err := rows.Scan(append(row.targets(), &organizationDeletedAt)...); err != nil {
			return nil, err
		}
		endpoint, err := s.endpointToSend(row)
		endpoint.OrganizationDeleted = organizationDeletedAt != nil
		endpoints[row.ID] = openedEndpoint{endpoint, err}
	}
	return endpoints, rows.Err()
}

// openedEndpoint is an endpoint with its secrets, or the error of the read.
type openedEndpoint struct {
	webhook.Endpoint
	err error
}

// loadTogether reads deliveries by ID and their endpoints by ID. It reads an endpoint once for all its deliveries.
func (s *Store) loadTogether(ctx context.Context, ids []string) (map[string]deliveryRow, map[string]openedEndpoint, error) {
	rows, err := s.loadRows(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	endpoints := map[string]openedEndpoint{}
	var wanted []string
	for _, row := range rows {
		if _, known := endpoints[row.EndpointID]; !known {
			endpoints[row.EndpointID] = openedEndpoint{err: webhook.NotFound("endpoint", row.EndpointID)}
			wanted = append(wanted, row.EndpointID)
		}
	}
	if len(wanted) == 0 {
		return rows, endpoints, nil
	}
	found, err := s.openEndpoints(ctx, wanted)
	if err != nil {
		return nil, nil, err
	}
	maps.Copy(endpoints, found)
	return rows, endpoints, nil
}

// loadByList and loadByArray are the statements of loadWhole, with the IDs as a list and as an array of PostgreSQL.
var (
	loadByList  = strings.ReplaceAll(loadRowsSQL, partMark, "") + "IN ?"
	loadByArray = newDivisible(loadRowsSQL + "= " + anyKept)
)

const loadRowsSQL = "SELECT " + deliveryColumns + ", " + eventColumns + " FROM deliveries{part} d JOIN events{part} e ON e.id = d.event_id WHERE d.id "

// loadRows reads deliveries with their events, by ID. It reads deliveries without an event by a second statement. Only an operator can have
// removed the event.
func (s *Store) loadRows(ctx context.Context, ids []string) (map[string]deliveryRow, error) {
	found := make(map[string]deliveryRow, len(ids))
	missing := ids
	for _, part := range s.partitionOrAll(ids) {
		err := s.loadWhole(ctx, part, missing, found)
		if part != "" && s.vanished(err) {
			continue
		}
		if err != nil || len(found) == len(ids) {
			return found, err
		}
		missing = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { _, whole := found[id]; return whole })
	}
	var rows []deliveryRow
	if err := s.db.WithContext(ctx).Where(s.oneOf("id", missing)).Find(&rows).Error; err != nil {
		return nil, err
	}
	for _, row := range rows {
		found[row.ID] = row
	}
	return found, nil
}

// loadWhole reads deliveries with their events, by ID, from the tables or from their partitions, and adds them to found. It leaves out
// deliveries without an event.
func (s *Store) loadWhole(ctx context.Context, part string, ids []string, found map[string]deliveryRow) (err error) {
	var rows *sql.Rows
	if s.dialect.Postgres {
		rows, err = loadByArray.in(part).rows(s.db.WithContext(ctx), webhook.MaxLoadedData, array{ids})
	} else {
		rows, err = s.db.WithContext(ctx).Raw(loadByList, webhook.MaxLoadedData, ids).Rows()
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var d deliveryRow
		var e eventRow
		var size int64
		if err := rows.Scan(slices.Concat(d.targets(), e.targets(), []any{&size})...); err != nil {
			return err
		}
		e.ID = d.EventID
		if e.Data == nil {
			e.omitted = size
		}
		d.Event = &e
		found[d.ID] = d
	}
	return rows.Err()
}

// LoadData returns the data of events. The dispatcher calls it for large data, which LoadDispatches leaves out. Data and errors are in
// the order of the IDs.
func (s *Store) LoadData(ctx context.Context, eventIDs []string) ([]json.RawMessage, []error) {
	var rows []eventRow
	err := s.db.WithContext(ctx).Select("id", "data").Where(s.oneOf("id", eventIDs)).Find(&rows).Error
	found := make(map[string][]byte, len(rows))
	for _, row := range rows {
		found[row.ID] = row.Data
	}
	return each(eventIDs, func(id string) (json.RawMessage, error) {
		data, ok := found[id]
		switch {
		case err != nil:
			return nil, s.translate("load the data of events", err)
		case !ok:
			return nil, webhook.NotFound("event", id)
		}
		return data, nil
	})
}
