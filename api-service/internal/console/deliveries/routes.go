package deliveries

import (
	"context"
	"embed"
	"net/http"

	"redrive/api-service/internal/console/web"
	"redrive/pkg/memory"
	"redrive/pkg/webhook"
)

//go:embed *.html
var files embed.FS

// The API's paths.
const (
	base = "/v1/execution-webhooks"
	path = base + "/deliveries"
)

// Store reads the exact bytes of what was sent and answered, which the API's JSON cannot carry.
type Store interface {
	FindDelivery(ctx context.Context, organizationID, id string) (webhook.Record, error)
	SizeDelivery(ctx context.Context, organizationID, id string) (webhook.Sized, error)
	ReadDeliveriesWithoutBodies(ctx context.Context, organizationID string, ids []string) ([]webhook.Record, error)
	// LoadEndpoints reads endpoints with their signing secrets.
	LoadEndpoints(ctx context.Context, ids []string) ([]webhook.Endpoint, []error)
}

// Bodies reads bodies within the memory that the process has for them.
type Bodies struct {
	Store  Store
	Memory *memory.Budget
}

// handlers show deliveries.
type handlers struct{ bodies Bodies }

// Routes returns the pages of deliveries.
func Routes(bodies Bodies) []web.Route {
	p := handlers{bodies}
	const one = "/o/{organization}/deliveries/{id}"
	return []web.Route{
		{Method: http.MethodGet, Path: "/o/{organization}/deliveries", For: web.Readers, Handle: list},
		{Method: http.MethodPost, Path: "/o/{organization}/deliveries", For: web.Writers, Handle: actOnSelected},
		{Method: http.MethodGet, Path: one, For: web.Readers, Handle: p.show},
		{Method: http.MethodPost, Path: one + "/{action}", For: web.Writers, Handle: act},
		{Method: http.MethodGet, Path: one + "/request-body", For: web.Readers, Handle: p.downloadRequest},
		{Method: http.MethodGet, Path: one + "/response-body", For: web.Readers, Handle: p.downloadResponse},
		{Method: http.MethodGet, Path: one + "/raw", For: web.Readers, Handle: p.raw},
	}
}

var (
	listPage = web.Parse(files, "list.html")
	onePage  = web.Parse(files, "delivery.html")
	rawPage  = web.Parse(files, "raw.html")
)
