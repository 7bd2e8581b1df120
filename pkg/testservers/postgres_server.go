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

	"github.com/jackc/pgx/v5"
)

// PostgresOptions are the options of [StartPostgres].
type PostgresOptions struct {
	// Settings are added to the server's command line and override the defaults of this package. By default, fsync and full_page_writes are
	// off, which is unsafe only if the machine crashes. Committed data survives [PostgresServer.Kill] unless synchronous_commit is set to
	// off.
	Settings map[string]string
	// Replicated lets standbys stream from the server.
	Replicated bool
}

// PostgresServer is a PostgreSQL server with its own data directory.
type PostgresServer struct {
	server
}

// StartPostgres creates a data directory and starts a server with the installed programs. The caller closes it.
func StartPostgres(options PostgresOptions) (*PostgresServer, error) {
	return startPostgresFrom(options, initialize)
}

// startPostgresFrom starts a server with the data that the function puts into the empty directory.
func startPostgresFrom(options PostgresOptions, fill func(bin string, dir *directory, as *account) error) (*PostgresServer, error) {
	bin, err := PostgresPrograms()
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
	if err := fill(bin, dir, as); err != nil {
		return nil, errors.Join(err, dir.remove())
	}
	s := &PostgresServer{server{dir: dir, program: program{
		name:      "PostgreSQL",
		path:      filepath.Join(bin, "postgres"),
		args:      func(port int) []string { return postgresArgs(dir.data(), port, options) },
		user:      as,
		stop:      syscall.SIGINT, // fast shutdown; SIGTERM would wait for the clients to disconnect
		discard:   syscall.SIGQUIT,
		ready:     func(ctx context.Context, port, _ int) error { return postgresReady(ctx, port, dir.data()) },
		discarded: func() error { return removeSharedMemory(dir.data()) },
	}}}
	if err := s.launch(context.Background()); err != nil {
		return nil, err
	}
	return s, nil
}

// URL returns the URL of the database "postgres" for its superuser.
func (s *PostgresServer) URL() string {
	return postgresURL(s.Port())
}

// Immediate ends the server and its children at once, like Kill, but they notify their clients. The next start recovers as after a crash.
func (s *PostgresServer) Immediate() error {
	return s.end("stopping", func(p *process) error { return p.stop(syscall.SIGQUIT, safetyLimit) })
}

func postgresURL(port int) string {
	return "postgres://postgres@" + address(port) + "/postgres?sslmode=disable"
}

// initialize creates the data directory.
func initialize(bin string, dir *directory, as *account) error {
	return fillWith(filepath.Join(bin, "initdb"), []string{"-U", "postgres", "-E", "UTF8", "--locale=C", "--auth=trust", "--no-sync"}, dir, as)
}

// fillWith runs a program that creates a data directory.
func fillWith(path string, args []string, dir *directory, as *account) error {
	name := filepath.Base(path)
	log, err := dir.openLog()
	if err != nil {
		return fmt.Errorf("opening the log of %s: %w", name, err)
	}
	defer func() { _ = log.Close() }()
	p, err := startProcess(command{
		path:       path,
		args:       append([]string{"-D", dir.data()}, args...),
		dir:        dir.data(),
		output:     log,
		credential: as.credential(),
		orphaned:   syscall.SIGKILL,
	})
	if err != nil {
		return err
	}
	if !p.wait(safetyLimit) {
		return errors.Join(fmt.Errorf("%s has not ended after %s; the end of its log:\n%s", name, safetyLimit, logTail(dir.log(), 0)), p.kill())
	}
	if p.err != nil {
		return fmt.Errorf("making a data directory with %s: %w; the end of its log:\n%s", name, p.err, logTail(dir.log(), 0))
	}
	return nil
}

func postgresArgs(data string, port int, options PostgresOptions) []string {
	settings := map[string]string{
		"listen_addresses": loopback,
		// No Unix socket is used: its path may have only about 100 bytes, and paths of temporary directories can be longer.
		"unix_socket_directories": "",
		"fsync":                   "off",
		"full_page_writes":        "off",
		"max_connections":         "300",
		"shared_buffers":          "64MB",
		"wal_level":               "minimal",
		"max_wal_senders":         "0",
		// Shared memory is in files of the data directory. /dev/shm is small in containers and would keep the files of killed servers.
		"dynamic_shared_memory_type": "mmap",
	}
	if options.Replicated {
		settings["wal_level"], settings["max_wal_senders"] = "replica", "10"
	}
	maps.Copy(settings, options.Settings)
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
