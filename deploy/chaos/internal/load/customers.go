package load

import (
	"cmp"
	"context"
	"fmt"
	"net/http"

	"redrive/pkg/signing"
)

// Organization is a customer: a key, and endpoints that get every event of the organization.
type Organization struct {
	ID, Key   string
	Endpoints int
	// Burst is the number of events in one request. An organization that floods publishes more than its share of the queue.
	Burst int
}

// Floods reports whether the organization publishes in batches.
func (o Organization) Floods() bool { return o.Burst > 1 }

// deliveries returns the number of deliveries of one request.
func (o Organization) deliveries() int { return o.Burst * o.Endpoints }

// fanOuts are the numbers of endpoints of the organizations. One organization that does not flood has one endpoint, so that any number of
// deliveries can be published.
var fanOuts = []int{1, 1, 1, 2, 3}

// floods is the number of organizations that flood.
const floods = 2

// Path is the prefix of all operations on webhooks.
const Path = "/v1/execution-webhooks"

// Registration describes the organizations to create.
type Registration struct {
	// API is the base URL of the API.
	API    string
	Client *http.Client
	// NewKey creates an organization with a raw API key.
	NewKey func(ctx context.Context, organization string) (string, error)
	// Receiver is the base URL of the endpoints.
	Receiver interface {
		URL(path string) string
		Trust(path string, key signing.Key)
	}
	MaxRetries int
	// Organizations is how many organizations there are. Defaults to 5, which is the most.
	Organizations int
	// Burst is the number of events that an organization that floods publishes in one request. Defaults to 1: no organization floods.
	Burst int
}

// Register creates the organizations and their endpoints, and adds their secrets to the receiver. It returns the path of each endpoint at
// the receiver.
func (r Registration) Register(ctx context.Context) (organizations []Organization, paths map[string]string, err error) {
	paths = map[string]string{}
	for i, endpoints := range fanOuts[:cmp.Or(r.Organizations, len(fanOuts))] {
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
