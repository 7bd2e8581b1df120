package httpapi

import (
	"context"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"redrive/api-service/internal/organizations"
	"redrive/pkg/webhook"
)

// OrganizationStore reads organizations.
type OrganizationStore interface {
	FindOrganization(ctx context.Context, id string) (webhook.Organization, error)
	ListOrganizations(ctx context.Context, prefix string, failing bool, page webhook.Page) (webhook.List[webhook.Organization], error)
	FindUsage(ctx context.Context, organizationID string, now time.Time) (webhook.OrganizationUsage, error)
}

type organizationHandlers struct {
	store    OrganizationStore
	registry *organizations.Registry
}

// putOrganizationRequest is an optional body.
type putOrganizationRequest struct {
	Name     patched[string]            `json:"name"`
	Metadata patched[map[string]string] `json:"metadata"`
	Limits   patched[limitsRequest]     `json:"limits"`
}

type limitsRequest struct {
	MaxEndpoints         patched[int] `json:"maxEndpoints"`
	MaxAPIKeys           patched[int] `json:"maxApiKeys"`
	MaxWaitingDeliveries patched[int] `json:"maxWaitingDeliveries"`
	RequestsPerSecond    patched[int] `json:"requestsPerSecond"`
}

// change returns the change of an organization. Null restores the default of a field, and null as limits the defaults of all of them.
func (r putOrganizationRequest) change(id string) webhook.OrganizationChange {
	d := webhook.DefaultOrganization(id)
	limits := r.Limits.Value
	if r.Limits.Null {
		null := patched[int]{Present: true, Null: true}
		limits = limitsRequest{MaxEndpoints: null, MaxAPIKeys: null, MaxWaitingDeliveries: null, RequestsPerSecond: null}
	}
	return webhook.OrganizationChange{
		Name:     r.Name.change(d.Name),
		Metadata: r.Metadata.change(map[string]string{}),
		Limits: webhook.OrganizationLimitsChange{
			MaxEndpoints:         limits.MaxEndpoints.change(d.Limits.MaxEndpoints),
			MaxAPIKeys:           limits.MaxAPIKeys.change(d.Limits.MaxAPIKeys),
			MaxWaitingDeliveries: limits.MaxWaitingDeliveries.change(d.Limits.MaxWaitingDeliveries),
			RequestsPerSecond:    limits.RequestsPerSecond.change(d.Limits.RequestsPerSecond),
		},
	}
}

// organizationID returns the ID in the path.
func organizationID(c echo.Context) (string, error) {
	id := c.Param("id")
	if webhook.CheckOrganizationID(id) != nil {
		return "", webhook.Invalid("invalid_id", "id", "the id of an organization is a letter or digit and up to 127 more letters, digits, _, . and -")
	}
	c.Set(subjectInContext, id)
	return id, nil
}

func (h organizationHandlers) list(c echo.Context) error {
	page, err := pageOf(c)
	if err != nil {
		return err
	}
	prefix, err := prefixOf(queryOf(c))
	if err != nil {
		return err
	}
	failing, err := boolean(queryOf(c), "failing", false)
	if err != nil {
		return err
	}
	list, err := h.store.ListOrganizations(c.Request().Context(), prefix, failing, page)
	if err != nil {
		return err
	}
	return okWalk(c, list, page, func(o webhook.Organization) (organizationView, error) { return viewOrganization(o), nil })
}

// prefixOf parses q.
func prefixOf(query url.Values) (string, error) {
	prefix := query.Get("q")
	if query.Has("q") {
		return prefix, webhook.CheckSearch("q", prefix)
	}
	return prefix, nil
}

func (h organizationHandlers) get(c echo.Context) error {
	id, err := organizationID(c)
	if err != nil {
		return err
	}
	o, err := h.store.FindOrganization(c.Request().Context(), id)
	if err != nil {
		return err
	}
	usage, err := h.store.FindUsage(c.Request().Context(), id, webhook.Now())
	if err != nil {
		return err
	}
	view := viewOrganization(o)
	view.Usage = &usageView{Endpoints: usage.Endpoints, FailingEndpoints: usage.FailingEndpoints, APIKeys: usage.APIKeys, Waiting: usage.Waiting}
	return ok(c, view)
}

func (h organizationHandlers) put(c echo.Context) error {
	id, err := organizationID(c)
	if err != nil {
		return err
	}
	request, err := decodeNullable[putOrganizationRequest](bodyOf(c))
	if err != nil {
		return err
	}
	o, err := h.registry.Put(c.Request().Context(), id, request.change(id))
	if err != nil {
		return err
	}
	audited(c, "organization.put", id)
	return ok(c, viewOrganization(o))
}

// remove ignores the body, because the body of a DELETE has no meaning (RFC 9110, section 9.3.5).
func (h organizationHandlers) remove(c echo.Context) error {
	id, err := organizationID(c)
	if err != nil {
		return err
	}
	if queryOf(c).Get("confirm") != id {
		return webhook.Invalid("confirmation_required", "confirm", "this deletes all that the organization has; repeat its id in the query: ?confirm="+id)
	}
	o, err := h.registry.Delete(c.Request().Context(), id)
	if err != nil {
		return err
	}
	audited(c, "organization.deleted", id)
	return ok(c, viewOrganization(o))
}

type organizationView struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	Metadata  map[string]string `json:"metadata"`
	Limits    limitsView        `json:"limits"`
	CreatedAt webhook.Timestamp `json:"createdAt"`
	UpdatedAt webhook.Timestamp `json:"updatedAt"`
	DeletedAt webhook.Timestamp `json:"deletedAt,omitzero"`
	Erasure   *erasureView      `json:"erasure,omitempty"`
	Usage     *usageView        `json:"usage,omitempty"`
}

type limitsView struct {
	MaxEndpoints         int `json:"maxEndpoints"`
	MaxAPIKeys           int `json:"maxApiKeys"`
	MaxWaitingDeliveries int `json:"maxWaitingDeliveries"`
	RequestsPerSecond    int `json:"requestsPerSecond"`
}

type erasureView struct {
	StartedAt  webhook.Timestamp `json:"startedAt"`
	RowsErased int64             `json:"rowsErased"`
}

type usageView struct {
	Endpoints        int `json:"endpoints"`
	FailingEndpoints int `json:"failingEndpoints"`
	APIKeys          int `json:"apiKeys"`
	Waiting          int `json:"waiting"`
}

func viewOrganization(o webhook.Organization) organizationView {
	view := organizationView{
		ID: o.ID, Name: o.Name, Metadata: o.Metadata, Limits: limitsView(o.Limits),
		CreatedAt: webhook.Timestamp(o.CreatedAt), UpdatedAt: webhook.Timestamp(o.UpdatedAt), DeletedAt: webhook.Timestamp(o.DeletedAt),
	}
	if view.Metadata == nil {
		view.Metadata = map[string]string{}
	}
	if !o.Erasure.StartedAt.IsZero() {
		view.Erasure = &erasureView{StartedAt: webhook.Timestamp(o.Erasure.StartedAt), RowsErased: o.Erasure.RowsErased}
	}
	return view
}
