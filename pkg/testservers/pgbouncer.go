package testservers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// PgBouncerOptions are the options of [StartPgBouncer].
type PgBouncerOptions struct {
	// Database is the URL of the database that is pooled, without TLS.
	Database string
	// Settings are added to the section [pgbouncer] of the configuration file. They override PgBouncer's defaults.
	Settings map[string]string
}

// PgBouncer is a connection pooler for one database. It asks for no password and connects every client as the user of the database's URL.
type PgBouncer struct {
	server
	database *url.URL
}

// StartPgBouncer starts a pooler from the installed program. Close it after use.
func StartPgBouncer(options PgBouncerOptions) (*PgBouncer, error) {
	path, err := findPgBouncer()
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, Hint())
	}
	database, err := url.Parse(options.Database)
	if err != nil {
		return nil, errors.New("the database's URL cannot be read") // without the value: it may hold a password
	}
	as, err := unprivileged() // PgBouncer refuses to run as root too
	if err != nil {
		return nil, err
	}
	dir, err := newDirectory("pgbouncer", as)
	if err != nil {
		return nil, fmt.Errorf("preparing a directory for PgBouncer: %w", err)
	}
	file := filepath.Join(dir.data(), "pgbouncer.ini")
	b := &PgBouncer{database: database, server: server{dir: dir, program: program{
		name: "PgBouncer",
		path: path,
		args: func(int) []string { return []string{file} },
		prepare: func(port int) error {
			return os.WriteFile(file, []byte(pgBouncerConfig(database, port, options.Settings)), 0o644) // PgBouncer's user must be able to read it
		},
		user:    as,
		stop:    syscall.SIGINT,
		discard: syscall.SIGTERM, // PgBouncer then exits at once
		ready:   func(ctx context.Context, port, _ int) error { return pgBouncerReady(ctx, port, file) },
	}}}
	if err := b.launch(context.Background()); err != nil {
		return nil, err
	}
	return b, nil
}

// URL returns the address of the database through the pooler.
func (b *PgBouncer) URL() string {
	location := *b.database
	location.Host = address(b.Port())
	return location.String()
}

func pgBouncerConfig(database *url.URL, port int, overrides map[string]string) string {
	host, behind := database.Hostname(), database.Port()
	if behind == "" {
		behind = "5432"
	}
	target := []string{"host=" + quoted(host), "port=" + behind}
	if database.User != nil {
		target = append(target, "user="+quoted(database.User.Username()))
		if password, set := database.User.Password(); set {
			target = append(target, "password="+quoted(password))
		}
	}
	settings := map[string]string{
		"listen_addr": loopback, "listen_port": strconv.Itoa(port), "unix_socket_dir": "", "auth_type": "any",
	}
	maps.Copy(settings, overrides)
	lines := []string{"[databases]", strings.TrimPrefix(database.Path, "/") + " = " + strings.Join(target, " "), "[pgbouncer]"}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		lines = append(lines, name+" = "+settings[name])
	}
	return strings.Join(lines, "\n") + "\n"
}

func quoted(value string) string { return "'" + strings.ReplaceAll(value, "'", "''") + "'" }

// pgBouncerReady asks the pooler's console for the name of its configuration file.
func pgBouncerReady(ctx context.Context, port int, file string) error {
	conn, err := pgx.Connect(ctx, "postgres://console@"+address(port)+"/pgbouncer?sslmode=disable&default_query_exec_mode=simple_protocol")
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	results, err := conn.PgConn().Exec(ctx, "SHOW CONFIG").ReadAll()
	if err != nil {
		return err
	}
	for _, result := range results {
		for _, row := range result.Rows {
			if len(row) > 1 && string(row[0]) == "conffile" && string(row[1]) == file {
				return nil
			}
		}
	}
	return errPortTaken
}
