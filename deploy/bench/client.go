package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// requestTimeout is longer than any request that is measured, so that a slow request is measured and not cut off.
const requestTimeout = time.Minute

// client calls the API for one organization, over connections that stay open.
type client struct {
	base, key string
	http      *http.Client
}

func newClient(url, key string, connections int) *client {
	return &client{
		base: url + "/v1/execution-webhooks", key: key,
		http: &http.Client{Timeout: requestTimeout, Transport: &http.Transport{
			MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections, MaxIdleConns: connections, DisableCompression: true,
		}},
	}
}

func (c *client) close() { c.http.CloseIdleConnections() }

// errNoRoute is returned if the measured version does not have the route.
var errNoRoute = errors.New("the API has no such route")

// send makes a request and stores the answer in the buffer.
func (c *client) send(ctx context.Context, method, path string, body []byte, answer *bytes.Buffer) error {
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make a request: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+c.key)
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("call the API: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	answer.Reset()
	if _, err := answer.ReadFrom(response.Body); err != nil {
		return fmt.Errorf("read the API's answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		err := fmt.Errorf("%s %s: %d: %.200s", method, path, response.StatusCode, answer)
		if response.StatusCode == http.StatusNotFound || response.StatusCode == http.StatusMethodNotAllowed {
			err = errors.Join(errNoRoute, err)
		}
		return err
	}
	return nil
}

// call is send for callers that read the answer's data.
func (c *client) call(ctx context.Context, method, path string, body, data any) error {
	var encoded []byte
	if body != nil {
		var err error
		if encoded, err = json.Marshal(body); err != nil {
			return fmt.Errorf("encode a request: %w", err)
		}
	}
	var answer bytes.Buffer
	if err := c.send(ctx, method, path, encoded, &answer); err != nil || data == nil {
		return err
	}
	if err := json.Unmarshal(answer.Bytes(), &struct{ Data any }{data}); err != nil {
		return fmt.Errorf("read the API's answer: %w", err)
	}
	return nil
}

// createEndpoint registers an endpoint for one type of event.
func (c *client) createEndpoint(ctx context.Context, url, eventType string, maxRetries int) (id string, err error) {
	var created struct{ Endpoint struct{ ID string } }
	err = c.call(ctx, http.MethodPost, "", map[string]any{
		"name": "bench", "url": url, "subscribedEventTypes": []string{eventType}, "maxRetries": maxRetries,
	}, &created)
	return created.Endpoint.ID, err
}

// publish returns the ID of the one delivery of an event.
func (c *client) publish(ctx context.Context, body []byte) (deliveryID string, err error) {
	var answer bytes.Buffer
	if err := c.send(ctx, http.MethodPost, pathEvents, body, &answer); err != nil {
		return "", err
	}
	var published struct {
		Data struct{ Deliveries []struct{ ID string } }
	}
	if err := json.Unmarshal(answer.Bytes(), &published); err != nil {
		return "", fmt.Errorf("read the API's answer: %w", err)
	}
	if count := len(published.Data.Deliveries); count != 1 {
		return "", fmt.Errorf("an event made %d deliveries instead of one", count)
	}
	return published.Data.Deliveries[0].ID, nil
}

const (
	pathEvents = "/events"
	pathBatch  = "/events/batch"
)

// eventType is the event type of most rows.
const eventType = "bench.run.finished"

// eventBody is one event whose webhook is about 1 KB long. Redrive's own fields are about 200 bytes of that.
func eventBody(eventType string) []byte {
	return fmt.Appendf(nil, `{"eventType":%q,"runId":"run_42","data":{"status":"succeeded","log":%q}}`, eventType, strings.Repeat("0123456789", 80))
}

// batchBody returns a request with the given number of events.
func batchBody(eventType string, count int) []byte {
	events := bytes.Repeat(append(eventBody(eventType), ','), count)
	return fmt.Appendf(nil, `{"events":[%s]}`, bytes.TrimSuffix(events, []byte{','}))
}
