// Package sender makes one attempt: it signs a webhook, POSTs it through the egress guard and reads a bounded part of the
// answer. Receivers are other people's servers and may do anything; whatever they do, an attempt ends within the timeout,
// takes a bounded amount of memory and comes to a result.
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
	"redrive/pkg/shortage"
	"redrive/pkg/signing"
	"redrive/pkg/tracing"
	"redrive/pkg/webhook"
)

// Options of a Sender.
type Options struct {
	// Guard says which destinations are allowed. Required.
	Guard *egress.Guard
	// Timeout bounds a whole exchange, from the name's resolution to the end of the answer. Defaults to 15 s.
	Timeout time.Duration
	// UserAgent names us to receivers. Defaults to Redrive/dev.
	UserAgent string
	// Traceparent tells receivers their place in the trace, if there is one.
	Traceparent bool
}

const (
	defaultTimeout      = 15 * time.Second
	maxAnswerHeader     = 16 << 10 // bytes
	maxAnswerBody       = 16 << 10 // bytes
	idleConnectionLimit = 90 * time.Second
	idlePerReceiver     = 64
)

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
	// crypto/x509 reads the system's roots once. Without descriptors at that time, every certificate would be refused for good.
	_, _ = x509.SystemCertPool()
	names := new(lookups)
	names.warm()
	dialer := &net.Dialer{Timeout: options.Timeout, Control: options.Guard.Control, Resolver: names.resolver()}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &Sender{options: options, lookups: names, transport: &http.Transport{
		Proxy: nil, // a proxy would be dialled in the receiver's place, and the guard see the proxy's address
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, egress.DialAddress(address))
		},
		Protocols:              protocols,
		DisableCompression:     true, // what is not asked for need not be unpacked
		MaxResponseHeaderBytes: maxAnswerHeader,
		MaxIdleConnsPerHost:    idlePerReceiver,
		IdleConnTimeout:        idleConnectionLimit,
		TLSHandshakeTimeout:    options.Timeout,
	}}
}

// Close closes idle connections.
func (s *Sender) Close() { s.transport.CloseIdleConnections() }

// Send makes one attempt and returns its result. It is not cut short when ctx ends, since an exchange that has begun goes on
// record. The error is a *shortage.Shortage: no attempt was made, and idle connections were closed to have their descriptors.
func (s *Sender) Send(ctx context.Context, d webhook.Dispatch) (webhook.Result, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.options.Timeout)
	defer cancel()

	ctx, span := tracing.Child(ctx, http.MethodPost, trace.SpanKindClient)
	defer span.End()
	started := webhook.Now()
	clock := time.Now() // started has lost the monotonic reading
	result := webhook.Result{StartedAt: started}
	request, err := s.request(ctx, d, started)
	if err == nil {
		result.RequestHeaders = masked(request.Header, d.Endpoint.Headers)
		err = s.exchange(request, &result)
	}
	var short *shortage.Shortage
	if errors.As(err, &short) {
		s.transport.CloseIdleConnections()
		span.SetStatus(codes.Error, "out of "+short.Resource)
		return webhook.Result{}, short
	}
	if err != nil {
		result.Failure = s.explain(err)
	}
	result.Duration = time.Since(clock)
	describe(span, d, result)
	return result, nil
}

// request builds and signs the POST.
func (s *Sender) request(ctx context.Context, d webhook.Dispatch, at time.Time) (*http.Request, error) {
	body, err := d.Event.Body()
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
	request.GetBody = nil // the transport could send a second time with it, behind our back
	for name, value := range d.Endpoint.Headers {
		request.Header.Set(name, value.Reveal()) // before ours, which have the last word
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", s.options.UserAgent)
	request.Header.Set(signing.HeaderID, d.Delivery.ID)
	request.Header.Set(signing.HeaderTimestamp, fmt.Sprint(at.Unix()))
	request.Header.Set(signing.HeaderSignature, signature)
	if text := tracing.Header(ctx); s.options.Traceparent && text != "" {
		request.Header.Set("Traceparent", text)
	}
	return request, nil
}

// describe leaves out the URL, for its path and query may hold a customer's secrets.
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

// exchange sends the request and reads the answer. An answer counts once its status is known: a body that breaks off, or
// never ends, changes nothing.
func (s *Sender) exchange(request *http.Request, result *webhook.Result) error {
	var connected, reused bool
	dials := newDialing(request.URL.Hostname(), s.lookups)
	var resolving atomic.Bool // the transport dials on a goroutine of its own
	request = request.WithContext(httptrace.WithClientTrace(request.Context(), &httptrace.ClientTrace{
		DNSStart:     func(httptrace.DNSStartInfo) { resolving.Store(true) },
		ConnectStart: func(string, string) { resolving.Store(false) },
		ConnectDone:  dials.done,
		GotConn:      func(info httptrace.GotConnInfo) { connected, reused = true, info.Reused },
	}))
	response, err := s.transport.RoundTrip(request) // and not Client.Do: no redirects, no cookies
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
		return errBadStatus // net/http takes any three digits, and 0 would say that there was no answer
	}

	result.ResponseStatus = response.StatusCode
	result.ResponseHeaders = flatten(response.Header)
	result.RetryAfter = response.Header.Get("Retry-After")
	if response.StatusCode == http.StatusSwitchingProtocols {
		return nil // what would follow is no HTTP, and heeds no deadline
	}
	result.ResponseBody, result.ResponseBodyTruncated = readSome(response.Body)
	return nil
}

// readSome reads the beginning of a body and says whether there was more, or whether it broke off.
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
