package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	base       = "/v1/execution-webhooks"
	deliveries = base + "/deliveries"
)

// client calls the API for one organization. It checks every exchange against the contract.
type client struct {
	*suite
	organization string
	key          string
}

// request is one call.
type request struct {
	method string
	path   string
	body   string
	header http.Header // added to the headers, or replacing them
	wrong  bool        // the request breaks the contract on purpose
	// unchecked leaves out the check against the contract, which takes seconds for large bodies under the race detector.
	unchecked bool
}

// reply is the answer to a request.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// try makes a call. It may be used from any goroutine. The error is one of the connection or of the contract.
func (c *client) try(r request) (reply, error) {
	built, err := http.NewRequest(r.method, c.stack.URL()+r.path, strings.NewReader(r.body))
	if err != nil {
		return reply{}, err
	}
	if c.key != "" {
		built.Header.Set("Authorization", "Bearer "+c.key)
	}
	if r.body != "" {
		built.Header.Set("Content-Type", "application/json")
	}
	for name, values := range r.header {
		built.Header[name] = values
	}
	response, err := c.http.Do(built)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return reply{}, err
	}
	answer := reply{response.StatusCode, response.Header, body}
	if r.unchecked {
		return answer, nil
	}
	return answer, c.contract.check(built, []byte(r.body), r.wrong, answer)
}

func (c *client) call(t *testing.T, r request) reply {
	t.Helper()
	answer, err := c.try(r)
	require.NoError(t, err, "%s %.200s", r.method, r.path)
	return answer
}

func (c *client) get(t *testing.T, path string) reply {
	t.Helper()
	return c.call(t, request{method: http.MethodGet, path: path})
}

func (c *client) post(t *testing.T, path, body string) reply {
	t.Helper()
	return c.call(t, request{method: http.MethodPost, path: path, body: body})
}

// data returns the data of a successful answer.
func data[T any](t *testing.T, r reply) T {
	t.Helper()
	value, err := read[T](r)
	require.NoError(t, err)
	return value
}

// read does the same as data and may be used from any goroutine.
func read[T any](r reply) (T, error) {
	var frame struct {
		Data    T
		Message string
	}
	if r.status != http.StatusOK {
		return frame.Data, fmt.Errorf("answered %d: %s", r.status, r.body)
	}
	err := json.Unmarshal(r.body, &frame)
	if err == nil && frame.Message != "success" {
		err = fmt.Errorf("the message is %q", frame.Message)
	}
	return frame.Data, err
}

// refused checks that the answer is a refusal with the status and the reason, and returns it.
func (r reply) refused(t *testing.T, status int, reason string) problem {
	t.Helper()
	var p problem
	require.NoError(t, json.Unmarshal(r.body, &p), "%s", r.body)
	assert.Equal(t, status, r.status, "%s", r.body)
	if assert.NotEmpty(t, p.Details, "%s", r.body) {
		assert.Equal(t, reason, p.Details[0].Reason, "%s", r.body)
	}
	return p
}

func toJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	return string(text)
}
