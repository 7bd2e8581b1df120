package linger_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/linger"
)

// pipes is an in-memory listener, which works with virtual time.
type pipes struct {
	connections chan net.Conn
	closed      chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.connections:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error { close(p.closed); return nil }

func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.connections <- server
	return client
}

// inMemory serves refusals until the test ends.
func inMemory(t *testing.T, o linger.Options) pipes {
	t.Helper()
	p := pipes{connections: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: linger.New(refuse, o), ReadHeaderTimeout: time.Minute}
	done := make(chan error)
	go func() { done <- server.Serve(p) }()
	t.Cleanup(func() {
		assert.NoError(t, server.Close())
		assert.ErrorIs(t, <-done, http.ErrServerClosed)
		time.Sleep(time.Second) // net/http waits for half a second before it closes a connection
	})
	return p
}

const large = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"

// begin sends the header of a large request and reads the answer.
func begin(t *testing.T, p pipes) net.Conn {
	t.Helper()
	conn := p.dial()
	_, err := io.WriteString(conn, large)
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, response.StatusCode)
	_, err = io.ReadAll(response.Body)
	require.NoError(t, err)
	return conn
}

func TestSlowBodyReadForABoundedTime(t *testing.T) {
	for _, test := range []struct{ interval, most time.Duration }{
		{500 * time.Millisecond, 8 * time.Second}, // one byte at a time does not extend the limit
		{10 * time.Second, 3 * time.Second},       // the client is silent
	} {
		synctest.Test(t, func(t *testing.T) {
			p := inMemory(t, linger.Options{Bytes: limit, Silence: 2 * time.Second, Time: 6 * time.Second})
			conn := begin(t, p)
			closed := make(chan struct{})
			go func() { // detects the end while the writer sleeps
				_, _ = io.Copy(io.Discard, conn)
				close(closed)
			}()
			start := time.Now()
			go func() {
				for {
					if _, err := conn.Write([]byte("x")); err != nil {
						return
					}
					time.Sleep(test.interval)
				}
			}()
			<-closed
			assert.LessOrEqual(t, time.Since(start), test.most, test.interval)
			assert.GreaterOrEqual(t, time.Since(start), 2*time.Second, test.interval)
			_ = conn.Close()
			synctest.Wait()
			time.Sleep(test.interval) // the writer ends
		})
	}
}

// Slow clients that use all slots lose them to later clients.
func TestSlotsFullOldestConnectionLosesSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const places = 3
		p := inMemory(t, linger.Options{Bytes: limit, Silence: time.Hour, Time: time.Hour, AtOnce: places})
		closed := make(chan int, 10)
		for i := range 5 {
			conn := begin(t, p)
			t.Cleanup(func() { _ = conn.Close() })
			go func() {
				_, _ = io.Copy(io.Discard, conn)
				closed <- i
			}()
			time.Sleep(time.Second)
		}
		assert.Equal(t, []int{0, 1}, []int{<-closed, <-closed})
		conn := begin(t, p)
		defer func() { _ = conn.Close() }()
		for range 100 { // a client at full speed is served
			_, err := fmt.Fprintf(conn, "%10000d", 0)
			require.NoError(t, err)
		}
		assert.Equal(t, 2, <-closed)
		select {
		case i := <-closed:
			assert.Equal(t, -1, i, "more connections were closed than places were needed")
		default:
		}
	})
}
