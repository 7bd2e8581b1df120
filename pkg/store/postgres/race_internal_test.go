package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scripted is a host whose attempts do what its functions do, in this order. The last one is repeated.
type scripted struct {
	attempts chan int // gets the number of each attempt, from 1 on
	number   int
	script   []func(context.Context) (driver.Conn, error)
}

func (s *scripted) Connect(ctx context.Context) (driver.Conn, error) {
	s.number++
	s.attempts <- s.number
	return s.script[min(s.number, len(s.script))-1](ctx)
}

func (*scripted) Driver() driver.Driver { return nil }

// unused is a connection to a scripted host.
type unused struct{ driver.Conn }

func (unused) Close() error { return nil }

var errRefused = errors.New("refused")

func refuses(context.Context) (driver.Conn, error) { return nil, errRefused }
func accepts(context.Context) (driver.Conn, error) { return unused{}, nil }

func hangs(ctx context.Context) (driver.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func script(attempts ...func(context.Context) (driver.Conn, error)) *scripted {
	return &scripted{attempts: make(chan int, 8), script: attempts}
}

// connecting begins to connect by two scripted hosts, and returns once both are tried. The channel gets the error that it ends with.
func connecting(ctx context.Context, t *testing.T, first, second *scripted) (s *switching, ended <-chan error) {
	t.Helper()
	s = newSwitching(nil, standby, nil)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	s.hosts = []host{{address: "first"}, {address: "second"}}
	s.connects = []driver.Connector{first, second}
	result := make(chan error, 1)
	go func() {
		connection, err := s.Connect(ctx)
		if err == nil {
			err = connection.Close()
		}
		result <- err
	}()
	require.Equal(t, 1, <-first.attempts)
	require.Equal(t, 1, <-second.attempts)
	return s, result
}

func TestRaceTriesHostsAgainThatWereFound(t *testing.T) {
	t.Parallel()
	refusing, silent := script(refuses, accepts), script(hangs)
	s, ended := connecting(t.Context(), t, refusing, silent)
	s.announce()
	require.NoError(t, <-ended)
	assert.Equal(t, 2, <-refusing.attempts)
	assert.Empty(t, silent.attempts, "its attempt is under way")
}

// An attempt that is under way when another host is found may have asked its server before.
func TestRaceRepeatsWhatWasUnderWay(t *testing.T) {
	t.Parallel()
	refuse := make(chan struct{})
	late := func(context.Context) (driver.Conn, error) {
		<-refuse
		return nil, errRefused
	}
	refusing, silent := script(late, accepts), script(hangs)
	s, ended := connecting(t.Context(), t, refusing, silent)
	s.announce()
	close(refuse)
	require.NoError(t, <-ended)
	assert.Equal(t, 2, <-refusing.attempts)
}

func TestRaceKeepsReasonBesideDeadline(t *testing.T) {
	t.Parallel()
	refusing, silent := script(refuses, hangs), script(hangs)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, ended := connecting(ctx, t, refusing, silent)
	s.announce()
	require.Equal(t, 2, <-refusing.attempts)
	cancel()
	err := <-ended
	require.ErrorIs(t, err, errRefused)
	require.ErrorContains(t, err, "second: context canceled")
}
