package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"redrive/pkg/webhook"
)

// client calls the HTTP API, for the seed and the demonstration.
type client struct {
	base string
	key  webhook.Secret
	http *http.Client
}

// clientTimeout is a safety limit that a slow machine does not reach.
const clientTimeout = 2 * time.Minute

func newClient(a Addresses, key webhook.Secret) client {
	return client{
		base: a.API + "/v1/execution-webhooks", key: key,
		http: &http.Client{Timeout: clientTimeout, Transport: &http.Transport{DisableKeepAlives: true}},
	}
}

type delivery struct {
	ID           string
	EndpointID   string
	Status       string
	RetryCount   int
	NextRetryAt  time.Time
	ErrorMessage string
}

type attempt struct {
	Number         int
	StartedAt      time.Time
	ResponseStatus int
	ErrorMessage   string
	NextRetryAt    time.Time
}

type endpoint struct {
	ID     string
	Name   string
	URL    string
	Status string
}

func (c client) createEndpoint(ctx context.Context, name, url string, maxRetries int) (endpoint, error) {
	var created struct{ Endpoint endpoint }
	return created.Endpoint, c.call(ctx, http.MethodPost, "", map[string]any{"name": name, "url": url, "maxRetries": maxRetries}, &created)
}

func (c client) disable(ctx context.Context, endpointID string) error {
	return c.call(ctx, http.MethodPost, "/"+endpointID+"/disable", nil, nil)
}

func (c client) endpoints(ctx context.Context) ([]endpoint, error) {
	var page struct{ Items []endpoint }
	return page.Items, c.call(ctx, http.MethodGet, "?limit=100", nil, &page)
}

// publish returns the ID of the delivery to one of the endpoints that the event goes to.
func (c client) publish(ctx context.Context, eventType string, data any, endpointID string) (string, error) {
	var published struct{ Deliveries []delivery }
	err := c.call(ctx, http.MethodPost, "/events", map[string]any{"eventType": eventType, "runId": "run_42", "data": data}, &published)
	if err != nil {
		return "", err
	}
	for _, d := range published.Deliveries {
		if d.EndpointID == endpointID {
			return d.ID, nil
		}
	}
	return "", fmt.Errorf("the event %s did not go to the endpoint %s", eventType, endpointID)
}

func (c client) find(ctx context.Context, id string) (found delivery, err error) {
	return found, c.call(ctx, http.MethodGet, "/deliveries/"+id, nil, &found)
}

func (c client) retry(ctx context.Context, id string) (requeued delivery, err error) {
	return requeued, c.call(ctx, http.MethodPost, "/deliveries/"+id+"/retry", nil, &requeued)
}

func (c client) latestOf(ctx context.Context, endpointID string) ([]delivery, error) {
	var page struct{ Items []delivery }
	return page.Items, c.call(ctx, http.MethodGet, "/deliveries?limit=100&endpointId="+endpointID, nil, &page)
}

func (c client) attempts(ctx context.Context, id string) ([]attempt, error) {
	var page struct{ Items []attempt }
	return page.Items, c.call(ctx, http.MethodGet, "/deliveries/"+id+"/attempts", nil, &page)
}

var errNotFound = errors.New("not found")

func (c client) call(ctx context.Context, method, path string, body, data any) error {
	var encoded bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&encoded).Encode(body); err != nil {
			return fmt.Errorf("encode a request: %w", err)
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, &encoded)
	if err != nil {
		return fmt.Errorf("make a request: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+c.key.Reveal())
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("call the API: %w", err)
	}
	defer func() { _ = response.Body.Close() }()

	var envelope struct {
		Message string
		Data    json.RawMessage
	}
	if err := json.NewDecoder(response.Body).Decode(&envelope); err != nil {
		return fmt.Errorf("read the API's answer: %w", err)
	}
	if response.StatusCode == http.StatusNotFound {
		return fmt.Errorf("%s %s: %w: %s", method, path, errNotFound, envelope.Message)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %d: %s", method, path, response.StatusCode, envelope.Message)
	}
	if data == nil {
		return nil
	}
	if err := json.Unmarshal(envelope.Data, data); err != nil {
		return fmt.Errorf("read the API's answer: %w", err)
	}
	return nil
}
