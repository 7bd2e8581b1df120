package postgres

import (
	"context"
	"database/sql/driver"
	"fmt"
	"io"
)

// opening is how many connections of a pool are opened at the same time. A new connection is a new process of the server. When a server is too
// busy to answer within the callers' deadlines, all callers open new connections at once, which can keep the server busy for minutes. An idle
// server opens a connection in a few milliseconds.
const opening = 4

// bounded opens at most a number of connections at the same time. Further callers wait until their deadlines. It is safe for concurrent use.
type bounded struct {
	driver.Connector
	turns chan struct{}
}

func newBounded(connector driver.Connector) *bounded {
	return &bounded{Connector: connector, turns: make(chan struct{}, opening)}
}

// Connect opens a connection when it is the caller's turn.
func (b *bounded) Connect(ctx context.Context) (driver.Conn, error) {
	select {
	case b.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for a turn to connect: %w", ctx.Err())
	}
	defer func() { <-b.turns }()
	return b.Connector.Connect(ctx)
}

// Close closes the connector below, if it can be closed.
func (b *bounded) Close() error {
	if closer, ok := b.Connector.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}
