package testservers

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ProgramsVariable names a folder for programs that several test processes of a run use, so that each is built once.
const ProgramsVariable = "TEST_PROGRAMS"

const (
	databaseURLVariable = "TEST_DATABASE_URL"

	// emptyTemplate is the database that is copied for an empty one. It is unchanged and has no connections, unlike template1.
	emptyTemplate = "template0"
)

// Postgres returns the URL of a new, empty database. The database is dropped when the test ends, even if clients are connected to it. It is
// created on the server at TEST_DATABASE_URL, or on a server that all tests of this process share, see [Shutdown]. In both cases its
// encoding is UTF-8 and it sorts by bytes.
func Postgres(tb testing.TB) string {
	tb.Helper()
	return newDatabase(tb, serverURL(tb), emptyTemplate)
}

// serverURL returns the URL of the server that databases are created on.
func serverURL(tb testing.TB) string {
	tb.Helper()
	server := os.Getenv(databaseURLVariable)
	if server == "" {
		var err error
		if server, err = shared.url(); err != nil {
			tb.Fatalf("testservers: starting PostgreSQL for the tests of this process: %v", err)
		}
	}
	return server
}

// newDatabase returns the URL of a copy of the template, which is dropped when the test ends.
func newDatabase(tb testing.TB, server, template string) string {
	tb.Helper()
	database, err := createDatabase(server, template)
	if err != nil {
		tb.Fatalf("testservers: creating a database: %v", err)
	}
	tb.Cleanup(func() {
		if err := database.drop(); err != nil {
			tb.Errorf("testservers: dropping a database: %v", err)
		}
	})
	return database.url
}

// shared is the server that all tests of this process share.
var shared sharedPostgres

type sharedPostgres struct {
	mu      sync.Mutex
	started bool
	server  *PostgresServer
	err     error // kept, so that each further test fails at once
}

func (s *sharedPostgres) url() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started {
		s.started = true
		// No test kills this server and reads its data afterwards, so commits need not wait for the disk.
		s.server, s.err = StartPostgres(PostgresOptions{Settings: map[string]string{"synchronous_commit": "off"}})
	}
	if s.err != nil {
		return "", s.err
	}
	return s.server.URL(), nil
}

// forget makes the next call of url start a new server.
func (s *sharedPostgres) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started, s.server, s.err = false, nil, nil
}

type database struct {
	server string // URL of the server, for creating and dropping databases
	name   string
	url    string
}

func createDatabase(server, template string) (*database, error) {
	location, err := url.Parse(server)
	if err != nil || (location.Scheme != "postgres" && location.Scheme != "postgresql") {
		// The error of url.Parse is dropped, because it contains the value, which may contain a password.
		return nil, fmt.Errorf("%s is not a postgres:// URL", databaseURLVariable)
	}
	suffix := make([]byte, 8)
	_, _ = rand.Read(suffix) // rand.Read never fails
	d := &database{server: server, name: "redrive_test_" + hex.EncodeToString(suffix)}
	location.Path, location.RawPath = "/"+d.name, ""
	d.url = location.String()

	create := "CREATE DATABASE " + d.name + " TEMPLATE " + template + " ENCODING 'UTF8' LOCALE 'C'"
	err = d.exec(create)
	for range 50 {
		if !isObjectInUse(err) {
			break
		}
		time.Sleep(100 * time.Millisecond) // the other connections to the template are autovacuum's and closed ones, which end soon
		err = d.exec(create)
	}
	return d, err
}

func (d *database) drop() error {
	return d.exec("DROP DATABASE IF EXISTS " + d.name + " WITH (FORCE)")
}

func (d *database) exec(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), safetyLimit)
	defer cancel()
	conn, err := pgx.Connect(ctx, d.server)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, statement)
	return err
}

func isObjectInUse(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == "55006"
}
