package load

import (
	"context"
	"fmt"
	"net/http"

	"redrive/pkg/signing"
)

// Organization is a customer: a key, and endpoints that are sent every event of it.
type Organization struct {
	ID, Key   string
	Endpoints int
	// Burst is how many events it publishes in one request. An organization that floods publishes more than its share of the queue.
	Burst int
}

// Floods says whether the organization publishes in batches.
func (o Organization) Floods() bool { return o.Burst > 1 }

// deliveries is how many deliveries one request makes.
func (o Organization) deliveries() int { return o.Burst * o.Endpoints }

// fanOuts are how many endpoints each organization has. One that does not flood has one, so that any number of deliveries can be published.
var fanOuts = []int{1, 1, 1, 2, 3}

// floods is how many of the organizations flood.
const floods = 2

// Path begins the path of every operation on webhooks.
const Path = "/v1/execution-webhooks"

// Registration is where organizations are made.
type Registration struct {
	// API is the base URL of the API.
	API    string
	Client *http.Client
	// NewKey makes a raw API key of an organization, which is made with it.
	NewKey func(ctx context.Context, organization string) (string, error)
	// Receiver is where the endpoints are.
	Receiver interface {
		URL(path string) string
		Trust(path string, key signing.Key)
	}
	MaxRetries int
	// Burst is how many events an organization that floods publishes in one request. Defaults to 1: none floods.
	Burst int
}

// Register makes the organizations and their endpoints, and has the receiver trust their secrets. It returns the path of each
// endpoint at the receiver.
func (r Registration) Register(ctx context.Context) (organizations []Organization, paths map[string]string, err error) {
	paths = map[string]string{}
	for i, endpoints := range fanOuts {
		id := fmt.Sprintf("org-%d", i)
		key, err := r.NewKey(ctx, id)
		if err != nil {
			return nil, nil, err
		}
		o := Organization{ID: id, Key: key, Endpoints: endpoints, Burst: 1}
		if i < floods {
			o.Burst = max(1, r.Burst)
		}
		for j := range endpoints {
			path := fmt.Sprintf("/%d/%d", i, j)
			id, err := r.endpoint(ctx, o, path)
			if err != nil {
				return nil, nil, err
			}
			paths[id] = path
		}
		organizations = append(organizations, o)
	}
	return organizations, paths, nil
}

func (r Registration) endpoint(ctx context.Context, o Organization, path string) (id string, err error) {
	var made struct {
		Endpoint      struct{ ID string }
		SigningSecret string
	}
	body := fmt.Sprintf(`{"name":"chaos","url":%q,"maxRetries":%d}`, r.Receiver.URL(path), r.MaxRetries)
	if status, err := Call(ctx, r.Client, r.API+Path, o.Key, body, &made); err != nil || status != http.StatusOK {
		return "", fmt.Errorf("register an endpoint: answered %d: %w", status, err)
	}
	key, err := signing.Parse(made.SigningSecret)
	if err != nil {
		return "", err
	}
	r.Receiver.Trust(path, key)
	return made.Endpoint.ID, nil
}
