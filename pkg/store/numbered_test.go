package store_test

import (
	"context"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	driver "gorm.io/driver/postgres"

	"redrive/pkg/store"
	"redrive/pkg/store/storetest"
	"redrive/pkg/webhook"
)

// severable is a connection that fails to send anything, once it is severed.
type severable struct {
	net.Conn
	severed atomic.Bool
}

func (s *severable) Write(p []byte) (int, error) {
	if s.severed.Load() {
		return 0, syscall.EPIPE
	}
	return s.Conn.Write(p)
}

// A publication whose statement could not be sent is sent on another connection.
func TestPublicationOnSeveredConnection(t *testing.T) {
	t.Parallel()
	config, err := pgx.ParseConfig(storetest.MigratedPostgres(t))
	require.NoError(t, err)
	var first atomic.Pointer[severable]
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := new(net.Dialer).DialContext(ctx, network, address)
		s := &severable{Conn: connection}
		first.CompareAndSwap(nil, s)
		return s, err
	}
	db := stdlib.OpenDB(*config, stdlib.OptionShouldPing(func(context.Context, stdlib.ShouldPingParams) bool { return false }))
	db.SetMaxOpenConns(1)
	defer func() { assert.NoError(t, db.Close()) }()
	opened, err := store.New(store.Dialect{
		Dialector: driver.New(driver.Config{Conn: db}), SQL: db, Postgres: true, StatementTimeout: time.Minute, Unavailable: func(error) bool { return false },
		Full: func(error) bool { return false },
	}, storetest.Sealer(t))
	require.NoError(t, err)

	publish := func() error {
		return opened.CreateEvent(t.Context(), webhook.NewEvent("org", webhook.EventSpec{Type: "run.finished", Data: []byte("{}")}, webhook.Now()), nil)
	}
	require.NoError(t, publish())
	first.Load().severed.Store(true)
	require.NoError(t, publish())
}
