package sender

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/pkg/egress"
	"redrive/pkg/signing"
	"redrive/pkg/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	// timeout is what hostile receivers are given, and grace what Send may take beyond it on a busy machine.
	timeout = 500 * time.Millisecond
	grace   = time.Second
)

func loopbackGuard() *egress.Guard {
	return egress.New(egress.Config{AllowHTTP: true, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
}

func newSender(t *testing.T) *Sender {
	t.Helper()
	s := New(Options{Guard: loopbackGuard(), Timeout: timeout, UserAgent: "Redrive/test"})
	t.Cleanup(s.Close)
	return s
}

func newSecret(t *testing.T) (webhook.Secret, signing.Key) {
	t.Helper()
	secret, err := signing.NewSecret()
	require.NoError(t, err)
	key, err := signing.Parse(secret)
	require.NoError(t, err)
	return webhook.Secret(secret), key
}

func newDispatch(t *testing.T, url string) webhook.Dispatch {
	t.Helper()
	secret, _ := newSecret(t)
	now := webhook.Now()
	endpoint := webhook.NewEndpoint("org_a", "key_a", webhook.EndpointSpec{Name: "n", URL: url}, secret, now)
	event := webhook.NewEvent("org_a", webhook.EventSpec{Type: "run.finished", RunID: "run_1", Data: []byte(`{"n":12345678901234567890.10}`)}, now)
	return webhook.Dispatch{Delivery: webhook.NewDelivery(event, endpoint, now), Event: event, Endpoint: endpoint}
}

// send makes an attempt and holds it against what is true of every attempt.
func send(t *testing.T, s *Sender, d webhook.Dispatch) webhook.Result {
	t.Helper()
	begin := time.Now()
	result := s.Send(t.Context(), d)
	took := time.Since(begin)
	assert.LessOrEqual(t, took, s.options.Timeout+grace)
	assert.InDelta(t, took.Milliseconds(), result.Duration.Milliseconds(), 50)
	assert.WithinDuration(t, begin, result.StartedAt, time.Second)
	assert.LessOrEqual(t, len(result.ResponseBody), maxAnswerBody)
	if result.ResponseStatus == 0 {
		assert.Empty(t, result.ResponseHeaders)
		assertPlain(t, result.Failure)
	} else {
		assert.Empty(t, result.Failure)
	}
	return result
}

// assertPlain wants a sentence for a customer: no address, none of Go's words, and nothing that was received.
func assertPlain(t *testing.T, failure string) {
	t.Helper()
	assert.NotEmpty(t, failure)
	assert.Less(t, len(failure), 200)
	for _, word := range []string{"127.0.0.1", "::1", "dial", "tcp", "net/http", "x509", "Post \"", "EOF", "context", "\n", "\x00", "%!"} {
		assert.NotContains(t, failure, word)
	}
}

// receiver is raw TCP: every connection is handed to the script, and closed after it.
type receiver struct {
	url         string
	connections chan struct{} // one for each
}

func listen(t *testing.T, script func(*peer)) *receiver {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &receiver{url: "http://" + listener.Addr().String() + "/hook", connections: make(chan struct{}, 1000)}
	gone := make(chan struct{})
	var mutex sync.Mutex
	var open []net.Conn
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mutex.Lock()
			open = append(open, conn)
			mutex.Unlock()
			r.connections <- struct{}{}
			group.Go(func() {
				defer func() { _ = conn.Close() }()
				script(&peer{TCPConn: conn.(*net.TCPConn), reader: bufio.NewReader(conn), gone: gone})
			})
		}
	})
	t.Cleanup(func() {
		close(gone)
		_ = listener.Close()
		mutex.Lock()
		for _, conn := range open { // a sender keeps them for the next request
			_ = conn.Close()
		}
		mutex.Unlock()
		group.Wait()
	})
	return r
}

// peer is the receiver's side of one connection.
type peer struct {
	*net.TCPConn
	reader *bufio.Reader
	gone   chan struct{} // closed when the test is over
}

// request reads one whole request; false when there is none to come.
func (p *peer) request() (*http.Request, bool) {
	request, err := http.ReadRequest(p.reader)
	if err != nil {
		return nil, false
	}
	for body := request.Body; err == nil; {
		_, err = body.Read(make([]byte, 4096))
	}
	return request, true
}

// say writes text and tells whether somebody is still there.
func (p *peer) say(text string) bool {
	_, err := p.Write([]byte(text))
	return err == nil
}

// answered is a script that reads the request and says the text.
func answered(text string) func(*peer) {
	return func(p *peer) {
		if _, ok := p.request(); ok {
			p.say(text)
		}
	}
}

// drip says the text again and again until the other side is gone, with a pause in between if it is not zero.
func (p *peer) drip(text string, pause time.Duration) {
	for p.say(text) {
		if pause == 0 {
			continue
		}
		select {
		case <-p.gone:
			return
		case <-time.After(pause):
		}
	}
}

// silence waits for the other side to leave.
func (p *peer) silence() { _, _ = io.Copy(io.Discard, p.reader) }

// reset ends the connection with RST instead of FIN.
func (p *peer) reset() { _ = p.SetLinger(0) }

// assertUsable sends to a healthy receiver.
func assertUsable(t *testing.T, s *Sender) {
	t.Helper()
	healthy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	defer healthy.Close()
	defer s.Close()
	assert.Equal(t, http.StatusNoContent, send(t, s, newDispatch(t, healthy.URL)).ResponseStatus)
}

func headers(count int, name, value string) string {
	return strings.Repeat(name+": "+value+"\r\n", count)
}
