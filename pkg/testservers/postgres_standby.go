package testservers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// StartStandby copies a running server that was started with Replicated, and starts the copy as a streaming standby, which accepts reads.
// The settings are the standby's own; it should have those of the server that standbys must not lower, such as max_connections.
func StartStandby(primary *PostgresServer, options PostgresOptions) (*PostgresServer, error) {
	options.Replicated = true
	return startPostgresFrom(options, func(bin string, dir *directory, as *account) error { return copyFrom(primary, bin, dir, as) })
}

// Follow stops the server, replaces its data with a copy of the primary's, and starts it on the same port as a streaming standby.
func (s *PostgresServer) Follow(ctx context.Context, primary *PostgresServer) error {
	if err := s.Kill(); err != nil {
		return err
	}
	bin, err := PostgresPrograms()
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(s.dir.data())
	if err != nil {
		return fmt.Errorf("reading the data of a server that is to follow another: %w", err)
	}
	for _, entry := range entries {
		if err := os.RemoveAll(filepath.Join(s.dir.data(), entry.Name())); err != nil {
			return fmt.Errorf("removing the data of a server that is to follow another: %w", err)
		}
	}
	if err := copyFrom(primary, bin, s.dir, s.program.user); err != nil {
		return err
	}
	return s.Restart(ctx)
}

// Promote makes a standby a primary, and returns when it accepts writes. It polls with short statements: the snapshot of a long one can
// conflict with the WAL that the standby still has to replay.
func (s *PostgresServer) Promote(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, safetyLimit)
	defer cancel()
	err := s.asking(ctx, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, "SELECT pg_promote(false)"); err != nil {
			return err
		}
		return awaitTrue(ctx, conn, "SELECT NOT pg_is_in_recovery()")
	})
	if err != nil {
		return fmt.Errorf("promoting a standby: %w; the end of its log:\n%s", err, logTail(s.dir.log(), 0))
	}
	return nil
}

// AwaitReplay returns when the standby has applied everything that the primary had written at the time of the call.
func (s *PostgresServer) AwaitReplay(ctx context.Context, primary *PostgresServer) error {
	var written string
	err := primary.asking(ctx, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, "SELECT pg_current_wal_lsn()::text").Scan(&written)
	})
	if err != nil {
		return fmt.Errorf("reading the position of a primary: %w", err)
	}
	err = s.asking(ctx, func(conn *pgx.Conn) error {
		return awaitTrue(ctx, conn, "SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn", written)
	})
	if err != nil {
		return fmt.Errorf("waiting for a standby to apply %s: %w", written, err)
	}
	return nil
}

// awaitTrue repeats a query until it returns true.
func awaitTrue(ctx context.Context, conn *pgx.Conn, query string, args ...any) error {
	for {
		var holds bool
		if err := conn.QueryRow(ctx, query, args...).Scan(&holds); err != nil || holds {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(readyInterval):
		}
	}
}

func (s *PostgresServer) asking(ctx context.Context, ask func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	return ask(conn)
}

// copyFrom fills the directory with a copy of a running server, which starts as its standby.
func copyFrom(primary *PostgresServer, bin string, dir *directory, as *account) error {
	return fillWith(filepath.Join(bin, "pg_basebackup"), []string{
		"-h", loopback, "-p", strconv.Itoa(primary.Port()), "-U", "postgres", "-X", "stream", "-c", "fast", "--write-recovery-conf", "--no-sync",
	}, dir, as)
}
