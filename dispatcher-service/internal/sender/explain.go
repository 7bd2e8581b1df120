package sender

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"redrive/pkg/egress"
	"redrive/pkg/webhook"
)

var (
	errBadURL       = errors.New("the endpoint's URL is not valid")
	errNotBuilt     = errors.New("not sent: the webhook could not be built and signed")
	errBadStatus    = errors.New("the receiver's answer is not valid HTTP: its status is below 100")
	errSlowName     = errors.New("the endpoint's host name could not be resolved in time")
	errReusedClosed = errors.New("the receiver closed a kept-alive connection as it was used again")
)

// explain returns why there was no response, as a code and as a sentence for the customer. The sentence contains no resolved address,
// because customers must not learn about our network. There is no code for a webhook that could not be built.
func explain(err error, timeout time.Duration) (webhook.ErrorCode, string) {
	var dns *net.DNSError
	var refused *egress.Refusal
	switch {
	case errors.Is(err, errBadURL):
		return webhook.ErrorEgressRefused, err.Error()
	case errors.Is(err, errBadStatus):
		return webhook.ErrorProtocol, err.Error()
	case errors.Is(err, errSlowName):
		return webhook.ErrorDNS, err.Error()
	case errors.Is(err, errReusedClosed):
		return webhook.ErrorConnectionReset, err.Error()
	case errors.Is(err, errNotBuilt):
		return "", errNotBuilt.Error() // the cause is internal
	case errors.As(err, &refused):
		return webhook.ErrorEgressRefused, "not sent: " + refused.Message
	case errors.Is(err, egress.ErrRefused):
		return webhook.ErrorEgressRefused, "not sent: the endpoint's host resolves to an address that webhooks may not be sent to"
	case errors.As(err, &dns) && dns.IsNotFound:
		return webhook.ErrorDNS, "the endpoint's host name does not exist"
	case errors.As(err, &dns) && dns.IsTimeout:
		return webhook.ErrorDNS, errSlowName.Error()
	case errors.As(err, &dns):
		return webhook.ErrorDNS, "the endpoint's host name could not be resolved"
	case isTimeout(err):
		return webhook.ErrorTimeout, fmt.Sprintf("no answer within %s", timeout)
	case errors.Is(err, syscall.ECONNREFUSED):
		return webhook.ErrorConnectionRefused, "the connection was refused"
	case isReset(err):
		return webhook.ErrorConnectionReset, "the receiver reset the connection before it answered"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return webhook.ErrorConnectionRefused, "the receiver's network cannot be reached"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), isClosedIdle(err):
		return webhook.ErrorConnectionReset, "the receiver closed the connection before it answered"
	}
	if reason, ok := explainTLS(err); ok {
		return webhook.ErrorTLS, reason
	}
	return webhook.ErrorProtocol, explainProtocol(err)
}

func isTimeout(err error) bool {
	var network net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout()
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// isClosedIdle matches an unexported error of net/http. It also occurs on a new connection that the receiver closes before the request is
// written.
func isClosedIdle(err error) bool { return err.Error() == "http: server closed idle connection" }

func explainTLS(err error) (string, bool) {
	var expired x509.CertificateInvalidError
	var host x509.HostnameError
	var authority x509.UnknownAuthorityError
	var alert *net.OpError // crypto/tls does not export the type of an alert
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &expired) && expired.Reason == x509.Expired:
		return "TLS: the receiver's certificate has expired or is not valid yet", true
	case errors.As(err, &host):
		return "TLS: the receiver's certificate is for another host", true
	case errors.As(err, &authority):
		return "TLS: the receiver's certificate is signed by an unknown authority", true
	case errors.As(err, &alert) && alert.Op == "remote error":
		return "TLS: the receiver refused the handshake: " + strings.TrimPrefix(alert.Err.Error(), "tls: "), true
	case errors.As(err, &record):
		return "TLS: the receiver does not speak TLS on this port", true
	case strings.Contains(err.Error(), "tls: "), strings.Contains(err.Error(), "x509: "):
		return "TLS: the handshake with the receiver failed", true
	}
	return "", false
}

// explainProtocol matches errors of net/http that differ only in their text. The text may quote received data, so it is not shown.
func explainProtocol(err error) string {
	switch text := err.Error(); {
	case strings.Contains(text, "server response headers exceeded"), strings.Contains(text, "too many 1xx"):
		return fmt.Sprintf("the receiver's answer has more than %d bytes of headers", maxAnswerHeader)
	case strings.Contains(text, "malformed"), strings.Contains(text, "Content-Length"), strings.Contains(text, "transfer encoding"):
		return "the receiver's answer is not valid HTTP"
	}
	return "the exchange with the receiver failed"
}
