package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"redrive/pkg/signing"
)

// organization is a customer: a key, and endpoints that are sent every event of it.
type organization struct {
	key       string
	endpoints int
}

// fanOuts are how many endpoints each organization has. The first has one, so that any number of deliveries can be published.
var fanOuts = []int{1, 1, 2, 3}

const api = "/v1/execution-webhooks"

// register makes the organizations and their endpoints, and has the receiver trust their secrets. It returns the path of each
// endpoint at the receiver.
func (w *world) register(ctx context.Context, client *http.Client) (organizations []organization, paths map[string]string, err error) {
	paths = map[string]string{}
	for i, endpoints := range fanOuts {
		key, err := w.command(ctx, "keys", "create", "--organization", fmt.Sprintf("org-%d", i), "--name", "chaos", "--scope", "read-write")
		if err != nil {
			return nil, nil, err
		}
		for _, s := range w.services() {
			s.Forbid(key)
		}
		o := organization{key: key, endpoints: endpoints}
		for j := range endpoints {
			path := fmt.Sprintf("/%d/%d", i, j)
			id, err := w.endpoint(ctx, client, o, path)
			if err != nil {
				return nil, nil, err
			}
			paths[id] = path
		}
		organizations = append(organizations, o)
	}
	return organizations, paths, nil
}

func (w *world) endpoint(ctx context.Context, client *http.Client, o organization, path string) (id string, err error) {
	var made struct {
		Endpoint      struct{ ID string }
		SigningSecret string
	}
	body := fmt.Sprintf(`{"name":"chaos","url":%q,"maxRetries":%d}`, w.receiver.URL(path), maxRetries)
	if status, err := call(ctx, client, w.api.URL()+api, o.key, body, &made); err != nil || status != http.StatusOK {
		return "", fmt.Errorf("register an endpoint: answered %d: %w", status, err)
	}
	key, err := signing.Parse(made.SigningSecret)
	if err != nil {
		return "", err
	}
	w.receiver.Trust(path, key)
	return made.Endpoint.ID, nil
}

// call POSTs and reads what a 200 holds. The error is that of an exchange that did not come to its end.
func call(ctx context.Context, client *http.Client, url, key, body string, data any) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("build a request: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+key)
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return response.StatusCode, err
	}
	frame := struct{ Data any }{data}
	if err := json.NewDecoder(bytes.NewReader(answer)).Decode(&frame); err != nil {
		return response.StatusCode, fmt.Errorf("read an answer: %w", err)
	}
	return response.StatusCode, nil
}
