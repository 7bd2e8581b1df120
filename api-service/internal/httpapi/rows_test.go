package httpapi

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

// row describes a route for the tests of all routes.
type row struct {
	kind webhook.Kind // the kind of the ID in the path
	body string       // a valid body
}

// rows has a row for each route that needs a key. A new route needs a row too. It is then tested with all callers and all
// hostile requests.
var rows = map[string]row{
	"GET " + base:                             {},
	"POST " + base:                            {body: createBody},
	"GET " + base + "/:id":                    {kind: webhook.KindEndpoint},
	"GET " + base + "/:id/changes":            {kind: webhook.KindEndpoint},
	"GET " + base + "/changes":                {},
	"GET " + base + "/:id/stats":              {kind: webhook.KindEndpoint},
	"GET " + base + "/stats":                  {},
	"PATCH " + base + "/:id":                  {kind: webhook.KindEndpoint, body: `{"description": "d"}`},
	"POST " + base + "/:id/disable":           {kind: webhook.KindEndpoint},
	"POST " + base + "/:id/enable":            {kind: webhook.KindEndpoint},
	"POST " + base + "/:id/regenerate-secret": {kind: webhook.KindEndpoint},
	"POST " + base + "/:id/pause":             {kind: webhook.KindEndpoint},
	"POST " + base + "/:id/resume":            {kind: webhook.KindEndpoint},
	"POST " + base + "/:id/test":              {kind: webhook.KindEndpoint},
	"DELETE " + base + "/:id":                 {kind: webhook.KindEndpoint},

	"POST " + base + "/events":       {body: publishBody},
	"POST " + base + "/events/batch": {body: `{"events": [` + publishBody + `]}`},

	"GET " + base + "/events":              {},
	"GET " + base + "/events/:id":          {kind: webhook.KindEvent},
	"POST " + base + "/events/:id/deliver": {kind: webhook.KindEvent, body: deliverBody},

	"GET " + deliveries:                   {},
	"GET " + deliveries + "/:id":          {kind: webhook.KindDelivery},
	"GET " + deliveries + "/:id/attempts": {kind: webhook.KindDelivery},
	"GET " + deliveries + "/:id/explain":  {kind: webhook.KindDelivery},
	"POST " + deliveries + "/:id/retry":   {kind: webhook.KindDelivery},
	"POST " + deliveries + "/:id/replay":  {kind: webhook.KindDelivery},
	"POST " + deliveries + "/:id/cancel":  {kind: webhook.KindDelivery},

	"GET " + jobs:                  {},
	"POST " + jobs:                 {body: bulkBody},
	"POST " + jobs + "/plan":       {body: bulkBody},
	"GET " + jobs + "/:id":         {kind: webhook.KindBulkJob},
	"POST " + jobs + "/:id/cancel": {kind: webhook.KindBulkJob},

	"GET " + keys:             {},
	"POST " + keys:            {body: `{"name": "ci"}`},
	"GET " + keys + "/:id":    {kind: webhook.KindAPIKey},
	"DELETE " + keys + "/:id": {kind: webhook.KindAPIKey},

	"GET " + consoles:             {},
	"POST " + consoles:            {body: consoleBody},
	"GET " + consoles + "/:id":    {kind: webhook.KindConsoleSession},
	"DELETE " + consoles + "/:id": {kind: webhook.KindConsoleSession},
}

// deliverTo is an endpoint that resources creates, and deliverBody names it.
const (
	deliverTo   = "ep_01M6DRK2XED40D7VN5CJK585S3"
	deliverBody = `{"endpointId": "` + deliverTo + `"}`
	consoleBody = `{"subject": "ada@example.com", "path": "/console/o/` + organization + `/deliveries?status=failure"}`
	bulkBody    = `{"action": "retry", "filter": {"status": "failure"}}`
)

// notFoundReasons are the reasons for an unknown resource of a kind.
var notFoundReasons = map[webhook.Kind]string{
	webhook.KindEndpoint: "endpoint_not_found", webhook.KindDelivery: "delivery_not_found", webhook.KindAPIKey: "api_key_not_found",
	webhook.KindEvent: "event_not_found", webhook.KindBulkJob: "bulk_job_not_found",
	webhook.KindConsoleSession: "console_session_not_found",
}

// protected returns the routes of one organization. See ofPlatform for the others that need a key.
func protected(t *testing.T) []route {
	t.Helper()
	var list []route
	for _, r := range routes(Dependencies{}, budget{}, newWriters()) {
		if r.access.inOrganization() {
			_ = r.row(t)
			list = append(list, r)
		}
	}
	require.Len(t, rows, len(list), "there is a row without a route")
	return list
}

func (r route) row(t *testing.T) row {
	t.Helper()
	found, ok := rows[r.method+" "+r.path]
	require.True(t, ok, "%s %s needs a row", r.method, r.path)
	require.Equal(t, r.hasID(), found.kind != "", "%s %s: the row has to say what kind of ID is in the path", r.method, r.path)
	return found
}

// documented returns the path as it is in the document.
func (r route) documented() string {
	return strings.NewReplacer(":id", "{id}", ":name", "{name}").Replace(r.path)
}

func (r route) hasID() bool { return strings.Contains(r.path, ":id") }

// body returns a valid body of the route.
func (r route) body() string { return rows[r.method+" "+r.path].body }

// of returns the route's path with an ID of its kind, or with a malformed ID if there is none.
func (r route) of(ids map[webhook.Kind]string) string {
	id, ok := ids[rows[r.method+" "+r.path].kind]
	if !ok {
		id = "x"
	}
	return strings.ReplaceAll(r.path, ":id", id)
}

// resources creates a resource of each kind in the organization. No test calls with the key.
func (s *service) resources(t *testing.T) map[webhook.Kind]string {
	t.Helper()
	endpointID, _ := s.endpoint(t, s.writer)
	key, _ := webhook.NewAPIKey(webhook.APIKeySpec{OrganizationID: organization, Name: "spare", Scope: webhook.ScopeRead}, webhook.Now())
	require.NoError(t, s.store.CreateAPIKey(t.Context(), key))
	if _, err := s.store.FindEndpoint(t.Context(), organization, deliverTo); err != nil {
		target := webhook.NewEndpoint(organization, "", webhook.EndpointSpec{Name: "n", URL: "https://example.com", SubscribedEventTypes: []string{"none"}}, "whsec_a", webhook.Now())
		target.ID = deliverTo
		require.NoError(t, s.store.CreateEndpoint(t.Context(), target))
	}
	deliveryID := s.delivery(t, s.writer)
	record, err := s.store.FindDelivery(t.Context(), organization, deliveryID)
	require.NoError(t, err)
	return map[webhook.Kind]string{
		webhook.KindEndpoint: endpointID, webhook.KindDelivery: deliveryID, webhook.KindAPIKey: key.ID, webhook.KindEvent: record.Event.ID,
		webhook.KindBulkJob: s.runningJob(t), webhook.KindConsoleSession: s.consoleSession(t),
	}
}

// runningJob cancels the organization's unfinished bulk jobs and creates one, so that they never are too many.
func (s *service) runningJob(t *testing.T) string {
	t.Helper()
	list, err := s.store.ListBulkJobs(t.Context(), organization, webhook.Page{Limit: webhook.MaxPageLimit})
	require.NoError(t, err)
	for _, job := range list.Items {
		if job.Status == webhook.BulkRunning {
			_, err := s.store.CancelBulkJob(t.Context(), organization, job.ID)
			require.NoError(t, err)
		}
	}
	job, err := s.store.CreateBulkJob(t.Context(), webhook.BulkSpec{
		OrganizationID: organization, Action: webhook.BulkRetry, Filter: map[string]string{"status": "failure"},
	})
	require.NoError(t, err)
	return job.ID
}

// consoleSession creates a session of the console by link, and returns its ID.
func (s *service) consoleSession(t *testing.T) string {
	t.Helper()
	session := webhook.NewConsoleLink(webhook.ConsoleSessionSpec{
		OrganizationID: organization, Scope: webhook.ScopeRead, LinkLifetime: time.Minute, Lifetime: time.Minute,
	}, webhook.Now())
	require.NoError(t, s.store.CreateConsoleSession(t.Context(), session))
	return session.ID
}

// missingResources are IDs without a resource.
func missingResources() map[webhook.Kind]string {
	ids := map[webhook.Kind]string{}
	for kind := range notFoundReasons {
		ids[kind] = webhook.NewID(kind, time.Now())
	}
	return ids
}
