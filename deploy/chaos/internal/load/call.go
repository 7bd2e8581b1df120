package load

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Call sends a POST and reads the body of a 200. An error means that the exchange was not completed.
func Call(ctx context.Context, client *http.Client, url, key, body string, data any) (status int, err error) {
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
