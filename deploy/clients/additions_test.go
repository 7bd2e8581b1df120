package clients

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// additions starts a proxy that changes answers as a later version may, and returns its URL. Every object has one more field, every response
// has one more header, and a refusal has a status that no operation lists.
func additions(t *testing.T, target string) string {
	t.Helper()
	parsed, err := url.Parse(target)
	require.NoError(t, err)
	transport := &http.Transport{}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(parsed) },
		ModifyResponse: addTo,
		Transport:      transport,
	})
	t.Cleanup(transport.CloseIdleConnections)
	t.Cleanup(proxy.Close)
	return proxy.URL
}

func addTo(response *http.Response) error {
	response.Header.Set("X-Added-Later", "1")
	if kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return err
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("read the response: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var body map[string]any
	if err := decoder.Decode(&body); err != nil {
		return fmt.Errorf("decode the response: %w", err)
	}
	addField(body)
	if response.StatusCode == http.StatusBadRequest {
		response.StatusCode, body["code"] = http.StatusConflict, http.StatusConflict
	}
	if text, err = json.Marshal(body); err != nil {
		return err
	}
	response.Body = io.NopCloser(bytes.NewReader(text))
	response.Header.Set("Content-Length", strconv.Itoa(len(text)))
	return nil
}

// addField adds a field to an object and to all objects in it. Its value is a string, because some objects are maps of strings.
func addField(value any) {
	switch value := value.(type) {
	case map[string]any:
		for _, member := range value {
			addField(member)
		}
		value["addedLater"] = "x"
	case []any:
		for _, element := range value {
			addField(element)
		}
	}
}
