package sender

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"redrive/dispatcher-service/internal/hostile"
)

func TestTLS(t *testing.T) {
	t.Parallel()
	valid := hostile.Certificate(t, "127.0.0.1", time.Hour)
	for name, c := range map[string]struct {
		certificate tls.Certificate
		untrusted   bool
		newest      uint16
		failure     string
	}{
		"valid":       {certificate: valid},
		"self-signed": {certificate: valid, untrusted: true, failure: "unknown authority"},
		"wrong host":  {certificate: hostile.Certificate(t, "example.com", time.Hour), failure: "for another host"},
		"wrong IP":    {certificate: hostile.Certificate(t, "192.0.2.1", time.Hour), failure: "for another host"},
		"expired":     {certificate: hostile.Certificate(t, "127.0.0.1", -time.Hour), failure: "has expired"},
		"TLS 1.1":     {certificate: valid, newest: tls.VersionTLS11, failure: "TLS: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reached := make(chan struct{}, 1)
			receiver := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached <- struct{}{} }))
			receiver.TLS = &tls.Config{Certificates: []tls.Certificate{c.certificate}, MaxVersion: c.newest}
			receiver.Config.ErrorLog = log.New(io.Discard, "", 0)
			receiver.StartTLS()
			defer receiver.Close()
			s := newSender(t)
			defer s.Close()
			if !c.untrusted {
				roots := x509.NewCertPool()
				roots.AddCert(c.certificate.Leaf)
				s.transport.TLSClientConfig = &tls.Config{RootCAs: roots} // in place of the machine's, which no test can sign for
			}
			result := send(t, s, newDispatch(t, receiver.URL))
			if c.failure == "" {
				assert.Equal(t, http.StatusOK, result.ResponseStatus, result.Failure)
				return
			}
			assert.Zero(t, result.ResponseStatus)
			assert.True(t, strings.HasPrefix(result.Failure, "TLS: "), result.Failure)
			assert.Contains(t, result.Failure, c.failure)
			assert.Empty(t, reached, "nothing is sent")
			assertUsable(t, s)
		})
	}
}

func TestTLSThatIsNone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script  func(*hostile.Peer)
		failure string
	}{
		"plain HTTP": {func(p *hostile.Peer) { p.Say("HTTP/1.0 400 Bad Request\r\n\r\n"); p.Silence() }, "does not speak TLS"},
		"garbage":    {func(p *hostile.Peer) { p.Say("\x00\x01\x02 garbage, and more of it"); p.Silence() }, "TLS"},
		"closed":     {func(*hostile.Peer) {}, "before it answered"},
		"reset":      {func(p *hostile.Peer) { p.Reset() }, "before it answered"},
		"alert":      {func(p *hostile.Peer) { p.Say("\x15\x03\x03\x00\x02\x02\x28"); p.Silence() }, "refused the handshake"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSender(t)
			r := hostile.Listen(t, c.script)
			result := send(t, s, newDispatch(t, "https"+strings.TrimPrefix(r.URL, "http")))
			assert.Contains(t, result.Failure, c.failure)
			assertUsable(t, s)
		})
	}
}
