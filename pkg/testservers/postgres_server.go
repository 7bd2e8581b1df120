package testservers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// initTimeout bounds the making of a data directory, which takes a second on an idle machine.
const initTimeout = time.Minute

// PostgresOptions are the options of [StartPostgres].
type PostgresOptions struct {
	// Settings are added to the server's command line, over the defaults of this package. The defaults trade safety for speed
	// where nothing less than a crash of the machine can tell: fsync and full_page_writes are off. What was committed survives
	// [PostgresServer.Kill] all the same, unless synchronous_commit is set to off here.
	Settings map[string]string
}

// PostgresServer is a PostgreSQL server with a data directory of its own.
type PostgresServer struct {
	server
}

// StartPostgres makes a data directory and starts a server on it, from installed programs. Close it after use.
func StartPostgres(options PostgresOptions) (*PostgresServer, error) {
	bin, err := findPostgres()
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, Hint())
	}
	as, err := unprivileged()
	if err != nil {
		return nil, err
	}
	dir, err := newDirectory("postgres", as)
	if err != nil {
		return nil, fmt.Errorf("preparing a directory for PostgreSQL: %w", err)
	}
	if err := initialize(filepath.Join(bin, "initdb"), dir, as); err != nil {
		return nil, errors.Join(err, dir.remove())
	}
	s := &PostgresServer{server{dir: dir, program: program{
		name:      "PostgreSQL",
		path:      filepath.Join(bin, "postgres"),
		args:      func(port int) []string { return postgresArgs(dir.data(), port, options.Settings) },
		user:      as,
		stop:      syscall.SIGINT, // "Fast": SIGTERM would wait for the clients to leave.
		discard:   syscall.SIGQUIT,
		ready:     func(ctx context.Context, port, _ int) error { return postgresReady(ctx, port, dir.data()) },
		discarded: func() error { return removeSharedMemory(dir.data()) },
	}}}
	if err := s.launch(context.Background()); err != nil {
		return nil, err
	}
	return s, nil
}

// URL returns the address of the database "postgres", for its superuser.
func (s *PostgresServer) URL() string {
	return postgresURL(s.Port())
}

// Immediate ends the server and its children at once, as Kill does, but lets them tell their clients. The next start recovers as
// after a crash.
func (s *PostgresServer) Immediate() error {
	return s.end("stopping", func(p *process) error { return p.stop(syscall.SIGQUIT, stopTimeout) })
}

func postgresURL(port int) string {
	return "postgres://postgres@" + address(port) + "/postgres?sslmode=disable"
}

// initialize makes the data directory.
func initialize(initdb string, dir *directory, as *account) error {
	log, err := dir.openLog()
	if err != nil {
		return fmt.Errorf("opening the log of initdb: %w", err)
	}
	defer func() { _ = log.Close() }()
	p, err := startProcess(command{
		path:       initdb,
		args:       []string{"-D", dir.data(), "-U", "postgres", "-E", "UTF8", "--locale=C", "--auth=trust", "--no-sync"},
		dir:        dir.data(),
		output:     log,
		credential: as.credential(),
		orphaned:   syscall.SIGKILL,
	})
	if err != nil {
		return err
	}
	if !p.wait(initTimeout) {
		return errors.Join(fmt.Errorf("initdb has not ended after %s; the end of its log:\n%s", initTimeout, logTail(dir.log(), 0)), p.kill())
	}
	if p.err != nil {
		return fmt.Errorf("making a data directory with initdb: %w; the end of its log:\n%s", p.err, logTail(dir.log(), 0))
	}
	return nil
}

func postgresArgs(data string, port int, overrides map[string]string) []string {
	settings := map[string]string{
		"listen_addresses": loopback,
		// A path of a socket has room for some 100 bytes, which directories for temporary files can exceed.
		"unix_socket_directories": "",
		"fsync":                   "off",
		"full_page_writes":        "off",
		"max_connections":         "300",
		"shared_buffers":          "64MB",
		"wal_level":               "minimal",
		"max_wal_senders":         "0",
		// In the data directory and not in /dev/shm, which is small in containers and would keep the files of killed servers.
		"dynamic_shared_memory_type": "mmap",
	}
	maps.Copy(settings, overrides)
	args := []string{"-D", data, "-p", strconv.Itoa(port)}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}

func postgresReady(ctx context.Context, port int, data string) error {
	conn, err := pgx.Connect(ctx, postgresURL(port))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	var found string
	if err := conn.QueryRow(ctx, "SHOW data_directory").Scan(&found); err != nil {
		return err
	}
	if found != data {
		return errPortTaken
	}
	return nil
}
