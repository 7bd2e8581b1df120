// Package sender makes one attempt: it signs a webhook, POSTs it through the egress guard and reads a bounded part of the response.
// Receivers are not trusted. Whatever they do, an attempt ends within the timeout, uses bounded memory and has a result.
package sender

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"redrive/pkg/egress"
	"redrive/pkg/profile"
	"redrive/pkg/shortage"
	"redrive/pkg/signing"
	"redrive/pkg/tracing"
	"redrive/pkg/webhook"
)

// Options of a Sender.
type Options struct {
	// Guard refuses destinations that are not allowed. Required.
	Guard *egress.Guard
	// Timeout bounds a whole exchange, from name resolution to the end of the response, unless the endpoint has a timeout of its own.
	// Defaults to 15 s.
	Timeout time.Duration
	// UserAgent is the User-Agent header. Defaults to Redrive/dev.
	UserAgent string
	// Traceparent adds a Traceparent header, if there is a trace.
	Traceparent bool
}

const (
	defaultTimeout      = 15 * time.Second
	maxAnswerHeader     = 16 << 10 // bytes
	maxAnswerBody       = 16 << 10 // bytes
	idleConnectionLimit = 90 * time.Second
	idlePerReceiver     = 64
)

// headerTest marks a test delivery, so that a receiver can answer it without doing anything else.
const headerTest = "Webhook-Test"

// Sender is safe for concurrent use.
type Sender struct {
	options   Options
	transport *http.Transport
	lookups   *lookups
}

// New makes a Sender.
func New(options Options) *Sender {
	if options.Timeout == 0 {
		options.Timeout = defaultTimeout
	}
	if options.UserAgent == "" {
		options.UserAgent = "Redrive/dev"
	}
	// crypto/x509 reads the system's root certificates once. If that fails for lack of descriptors, it refuses every certificate from then
	// on, so they are read here.
	_, _ = x509.SystemCertPool()
	names := new(lookups)
	names.warm()
	longest := LongestTimeout(options.Timeout)
	dialer := &net.Dialer{Timeout: longest, Control: options.Guard.Control, Resolver: names.resolver()}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &Sender{options: options, lookups: names, transport: &http.Transport{
		Proxy: nil, // the guard would check the proxy's address instead of the receiver's
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, egress.DialAddress(address))
		},
		Protocols:              protocols,
		DisableCompression:     true, // no decompression of untrusted data
		MaxResponseHeaderBytes: maxAnswerHeader,
		MaxIdleConnsPerHost:    idlePerReceiver,
		IdleConnTimeout:        idleConnectionLimit,
		TLSHandshakeTimeout:    longest,
	}}
}

// LongestTimeout is the longest timeout of an attempt, if timeout is that of endpoints without one of their own.
func LongestTimeout(timeout time.Duration) time.Duration {
	return max(timeout, webhook.MaxTimeoutSeconds*time.Second)
}

// timeout is how long an attempt to the endpoint may take.
func (s *Sender) timeout(e webhook.Endpoint) time.Duration {
	if e.TimeoutSeconds > 0 {
		return time.Duration(e.TimeoutSeconds) * time.Second
	}
	return s.options.Timeout
}

// Close closes idle connections.
func (s *Sender) Close() { s.transport.CloseIdleConnections() }

// Send makes one attempt and returns its result. It does not stop when ctx ends, because an exchange that has begun is recorded. The
// error is a *shortage.Shortage: no attempt was made, and idle connections were closed to free their descriptors.
func (s *Sender) Send(ctx context.Context, d webhook.Dispatch) (webhook.Result, error) {
	profile.Sign.Begin()
	timeout := s.timeout(d.Endpoint)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()

	ctx, span := tracing.Child(ctx, http.MethodPost, trace.SpanKindClient)
	defer span.End()
	started := webhook.Now()
	clock := time.Now() // started has no monotonic reading
	result := webhook.Result{StartedAt: started, Timeout: timeout}
	request, err := s.request(ctx, d, started)
	if err == nil {
		result.RequestHeaders = masked(request.Header, d.Endpoint.Headers)
		profile.Post.Begin()
		err = s.exchange(request, &result)
	}
	var short *shortage.Shortage
	if errors.As(err, &short) {
		s.transport.CloseIdleConnections()
		span.SetStatus(codes.Error, "out of "+short.Resource)
		return webhook.Result{}, short
	}
	if err != nil {
		result.ErrorCode, result.Failure = explain(err, timeout)
	}
	result.Duration = time.Since(clock)
	describe(span, d, result)
	return result, nil
}

// request builds and signs the POST.
func (s *Sender) request(ctx context.Context, d webhook.Dispatch, at time.Time) (*http.Request, error) {
	body, err := d.Payload()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotBuilt, err)
	}
	signature, err := sign(d, at, body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotBuilt, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.Endpoint.URL, bytes.NewReader(body))
	if err != nil {
		return nil, errBadURL // the cause would quote the URL
	}
	if err := s.options.Guard.CheckScheme(request.URL.Scheme); err != nil {
		return nil, err
	}
	request.GetBody = nil // otherwise the transport could send the request a second time
	for name, value := range d.Endpoint.Headers {
		request.Header.Set(name, value.Reveal()) // before ours, which override them
	}
	addEvent(request.Header, d)
	addPlainSignature(request.Header, d.Endpoint, at, body)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", s.options.UserAgent)
	request.Header.Set(signing.HeaderID, d.Delivery.ID)
	request.Header.Set(signing.HeaderTimestamp, fmt.Sprint(at.Unix()))
	request.Header.Set(signing.HeaderSignature, signature)
	if d.Delivery.Test {
		request.Header.Set(headerTest, "true")
	}
	if text := tracing.Header(ctx); s.options.Traceparent && text != "" {
		request.Header.Set("Traceparent", text)
	}
	return request, nil
}

// describe adds the result to the span, without the URL: its path and query may contain a customer's secrets.
func describe(span trace.Span, d webhook.Dispatch, r webhook.Result) {
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(attribute.String("http.request.method", http.MethodPost), attribute.String("endpointId", d.Endpoint.ID))
	if r.ResponseStatus != 0 {
		span.SetAttributes(attribute.Int("http.response.status_code", r.ResponseStatus))
	}
	if !r.Succeeded() {
		span.SetStatus(codes.Error, r.ErrorMessage())
	}
}

func sign(d webhook.Dispatch, at time.Time, body []byte) (string, error) {
	keys, err := signing.ParseAll(d.Endpoint.LiveSecrets(at))
	if err != nil {
		return "", fmt.Errorf("read the signing secrets: %w", err)
	}
	signature, err := signing.Sign(d.Delivery.ID, at, body, keys...)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return signature, nil
}

// exchange sends the request and reads the response. The status decides: a body that is cut off or never ends changes nothing.
func (s *Sender) exchange(request *http.Request, result *webhook.Result) error {
	var connected, reused bool
	dials := newDialing(request.URL.Hostname(), s.lookups)
	var resolving atomic.Bool // the transport dials in another goroutine
	request = request.WithContext(httptrace.WithClientTrace(request.Context(), &httptrace.ClientTrace{
		DNSStart:     func(httptrace.DNSStartInfo) { resolving.Store(true) },
		ConnectStart: func(string, string) { resolving.Store(false) },
		ConnectDone:  dials.done,
		GotConn:      func(info httptrace.GotConnInfo) { connected, reused = true, info.Reused },
	}))
	response, err := s.transport.RoundTrip(request) // unlike Client.Do: no redirects, no cookies
	if err != nil {
		err = dials.explain(err, connected)
	}
	switch {
	case err != nil && resolving.Load() && isTimeout(err):
		return errSlowName
	case err != nil && reused && closedByPeer(err):
		return errReusedClosed
	case err != nil:
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode < http.StatusContinue {
		return errBadStatus // net/http accepts any three digits, and status 0 means no response
	}

	result.ResponseStatus = response.StatusCode
	result.ResponseHeaders = flatten(response.Header)
	result.RetryAfter = response.Header.Get("Retry-After")
	if response.StatusCode == http.StatusSwitchingProtocols {
		return nil // the body would be another protocol, without a deadline
	}
	result.ResponseBody, result.ResponseBodyTruncated = readSome(response.Body)
	return nil
}

// readSome reads the beginning of a body and reports whether there is more, or the body was cut off.
func readSome(body io.Reader) (content []byte, truncated bool) {
	content, err := io.ReadAll(io.LimitReader(body, maxAnswerBody+1))
	if len(content) > maxAnswerBody {
		return content[:maxAnswerBody], true
	}
	return content, err != nil
}

func closedByPeer(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || isReset(err) || isClosedIdle(err)
}
