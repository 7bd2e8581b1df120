package nodes

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"redrive/deploy/chaos/internal/await"
	"redrive/deploy/containers"
)

const postgresPort = "5432"

// primaryScript makes a database and serves it. What a standby needs is on by default.
const primaryScript = `set -e
test -s /data/pg/PG_VERSION || {
	initdb --pgdata /data/pg --username redrive --auth trust --encoding UTF8 --locale C --no-instructions
	printf 'host all all 0.0.0.0/0 trust\nhost replication all 0.0.0.0/0 trust\n' >> /data/pg/pg_hba.conf
}
exec postgres -D /data/pg ` + postgresOptions

// standbyScript copies the primary, whose address is its argument, and follows it.
const standbyScript = `set -e
test -s /data/pg/PG_VERSION ||
	pg_basebackup --pgdata /data/pg --write-recovery-conf --checkpoint fast --dbname "host=$1 user=redrive application_name=standby"
exec postgres -D /data/pg ` + postgresOptions

const postgresOptions = `-c listen_addresses='*' -c unix_socket_directories=/tmp -c wal_keep_size=256MB -c max_connections=200 -c wal_receiver_status_interval=1s`

// startPostgres starts a primary and a streaming standby of it.
func (w *world) startPostgres(ctx context.Context) error {
	found, err := filepath.Glob(packages["postgresql"])
	if err != nil || len(found) == 0 {
		return fmt.Errorf("find the programs of PostgreSQL: %w", err)
	}
	programs := filepath.Dir(found[len(found)-1])
	for i, command := range [][]string{{"sh", "-c", primaryScript}, {"sh", "-c", standbyScript, "standby", w.subnets[data] + ".11"}} {
		n, err := w.start(ctx, spec{
			role: fmt.Sprintf("postgres-%d", i), host: 11 + i, networks: []string{data}, user: "70:70", stores: true, stop: "SIGINT",
			env: w.clockOf("postgres", map[string]string{"PATH": programs + ":/usr/bin:/bin", "PGDATA": "/data/pg"}), command: command,
		})
		if err != nil {
			return err
		}
		w.postgres = append(w.postgres, n)
		if err := w.answering(ctx, n, "SELECT true"); err != nil {
			return err
		}
	}
	if err := w.answering(ctx, w.postgres[0], "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming')"); err != nil {
		return err
	}
	if !w.synchronous {
		return nil
	}
	if err := w.query(ctx, w.postgres[0], "ALTER SYSTEM SET synchronous_standby_names = '*'", nil); err != nil {
		return err
	}
	if err := w.query(ctx, w.postgres[0], "SELECT pg_reload_conf()", nil); err != nil {
		return err
	}
	return w.answering(ctx, w.postgres[0], "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')")
}

// promote makes the standby the primary and returns when it accepts writes.
func (w *world) promote(ctx context.Context) error {
	standby := w.postgres[1]
	if _, err := standby.exec(ctx, "pg_ctl", "promote", "--wait"); err != nil {
		return err
	}
	w.postgres[0], w.postgres[1] = standby, w.postgres[0]
	return w.answering(ctx, standby, "SELECT NOT pg_is_in_recovery()")
}

// follow starts a server that was shut down cleanly as a standby. Its settings name the primary already.
func (w *world) follow(ctx context.Context, n *node) error {
	signal := filepath.Join(w.dir, "standby.signal")
	if err := os.WriteFile(signal, nil, 0o644); err != nil { //nolint:gosec // the user of PostgreSQL in the container has to read it
		return fmt.Errorf("write the file that makes a standby: %w", err)
	}
	if _, err := containers.Docker(ctx, "cp", signal, n.container+":/data/pg/standby.signal"); err != nil {
		return err
	}
	return n.resume(ctx)
}

// databaseURL names both servers; the one that accepts writes is used.
func (w *world) databaseURL() string {
	var hosts []string
	for _, n := range w.postgres {
		hosts = append(hosts, n.address(data)+":"+postgresPort)
	}
	return "postgres://redrive@" + strings.Join(hosts, ",") + "/postgres?sslmode=disable&target_session_attrs=read-write"
}

// connect opens one server by its address, as the harness reaches it also when the nodes do not.
func (w *world) connect(ctx context.Context, n *node) (*pgx.Conn, error) {
	connection, err := pgx.Connect(ctx, "postgres://redrive@"+n.address(data)+":"+postgresPort+"/postgres?sslmode=disable&connect_timeout=15")
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", n.role, err)
	}
	return connection, nil
}

// query runs one statement and scans its only value, if a place for it is given.
func (w *world) query(ctx context.Context, n *node, statement string, into any) error {
	connection, err := w.connect(ctx, n)
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close(ctx) }()
	if into == nil {
		_, err = connection.Exec(ctx, statement)
	} else {
		err = connection.QueryRow(ctx, statement).Scan(into)
	}
	if err != nil {
		return fmt.Errorf("run %q at %s: %w", statement, n.role, err)
	}
	return nil
}

// startPatience is how long a part may take to start. It passes only when something is broken: on a busy machine, the nodes of a world take two
// minutes to start.
const startPatience = 4 * time.Minute

// answering waits until a statement answers true.
func (w *world) answering(ctx context.Context, n *node, statement string) error {
	err := await.Until(ctx, startPatience, func() (answer bool, err error) {
		err = w.query(ctx, n, statement, &answer)
		return answer, err
	})
	if err != nil {
		return fmt.Errorf("wait until %q of %s is true: %w", statement, n.role, err)
	}
	return nil
}
