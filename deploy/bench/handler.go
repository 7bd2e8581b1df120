package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"redrive/pkg/signing"
)

// handler handles a task.
type handler func(ctx context.Context, id string) error

// newHandler returns the handler of a baseline: it does nothing, makes a request, or makes a request between a SELECT and an UPDATE.
func newHandler(j job) (handle handler, end func(), err error) {
	if !j.Post {
		return func(context.Context, string) error { return nil }, func() {}, nil
	}
	transport := &http.Transport{MaxIdleConns: j.Concurrency, MaxIdleConnsPerHost: j.Concurrency, DisableCompression: true}
	p := &poster{url: j.URL, http: &http.Client{Transport: transport, Timeout: requestTimeout}, body: bytes.Repeat([]byte("0123456789abcdef"), 1024/16)}
	if j.Database == "" {
		return func(ctx context.Context, id string) error { return p.post(ctx, id, p.body) }, transport.CloseIdleConnections, nil
	}
	n, err := newNaive(j, p)
	if err != nil {
		return nil, nil, err
	}
	return n.handle, func() {
		transport.CloseIdleConnections()
		_ = n.close() // its outcome is recorded
	}, nil
}

// poster makes requests with as little code as possible.
type poster struct {
	url  string
	body []byte // 1 KB
	http *http.Client
}

func (p *poster) post(ctx context.Context, id string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make a request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(signing.HeaderID, id)
	response, err := p.http.Do(request)
	if err != nil {
		return fmt.Errorf("send a request: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return fmt.Errorf("read an answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the receiver answered %d", response.StatusCode)
	}
	return nil
}
