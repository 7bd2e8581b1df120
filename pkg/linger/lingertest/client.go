// Package lingertest has a client that writes its whole request before it reads.
package lingertest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

const (
	// sendBuffer is small, in bytes, so that few bytes of a body are in transit.
	sendBuffer = 16 << 10
	// piece is the size of a write, and of a chunk, in bytes.
	piece = 8 << 10
	// limit is the deadline of a connection.
	limit = time.Minute
)

// Dial opens a connection, which is closed when the test ends.
func Dial(tb testing.TB, addr string) net.Conn {
	tb.Helper()
	conn, err := (&net.Dialer{}).DialContext(tb.Context(), "tcp", addr)
	if err != nil {
		tb.Fatalf("lingertest: %v", err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		tb.Fatalf("lingertest: %T is no TCP connection", conn)
	}
	if err := tcp.SetWriteBuffer(sendBuffer); err != nil {
		tb.Fatalf("lingertest: %v", err)
	}
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		tb.Fatalf("lingertest: %v", err)
	}
	return conn
}

// Send writes the head of a request and a body of spaces of a size in bytes, and then reads the answer.
func Send(conn net.Conn, head string, size int, chunked bool) (*http.Response, error) {
	if _, err := io.WriteString(conn, head); err != nil {
		return nil, err
	}
	for sent := 0; sent < size; sent += piece {
		text := strings.Repeat(" ", min(piece, size-sent))
		if chunked {
			text = fmt.Sprintf("%x\r\n%s\r\n", len(text), text)
		}
		if _, err := io.WriteString(conn, text); err != nil {
			return nil, err
		}
	}
	if chunked {
		if _, err := io.WriteString(conn, "0\r\n\r\n"); err != nil {
			return nil, err
		}
	}
	return http.ReadResponse(bufio.NewReader(conn), nil)
}
