package webhook

import "slices"

// ErrorCode is the kind of a failed attempt. Programs may compare it, unlike the error message.
type ErrorCode string

// The kinds of failed attempts.
const (
	ErrorHTTPStatus        ErrorCode = "http_status"        // an answer other than 2xx
	ErrorTimeout           ErrorCode = "timeout"            // no answer in time
	ErrorConnectionRefused ErrorCode = "connection_refused" // no connection, or no route to the receiver
	ErrorConnectionReset   ErrorCode = "connection_reset"   // the connection was reset or closed before an answer
	ErrorDNS               ErrorCode = "dns"                // the host name could not be resolved
	ErrorTLS               ErrorCode = "tls"                // the handshake or the certificate
	ErrorProtocol          ErrorCode = "protocol"           // an answer that is not valid HTTP
	ErrorEgressRefused     ErrorCode = "egress_refused"     // a destination that webhooks may not be sent to: nothing was sent
)

// ErrorCodes are all kinds of failed attempts.
var ErrorCodes = []ErrorCode{
	ErrorHTTPStatus, ErrorTimeout, ErrorConnectionRefused, ErrorConnectionReset, ErrorDNS, ErrorTLS, ErrorProtocol, ErrorEgressRefused,
}

// Known reports whether c is one of ErrorCodes.
func (c ErrorCode) Known() bool { return slices.Contains(ErrorCodes, c) }

// code returns the kind of the failure. It is empty if the attempt succeeded, or if the webhook could not be built.
func (r Result) code() ErrorCode {
	switch {
	case r.Succeeded():
		return ""
	case r.ResponseStatus != 0:
		return ErrorHTTPStatus
	}
	return r.ErrorCode
}
