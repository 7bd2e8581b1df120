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

// Promote makes a standby a primary, and returns when it accepts writes. Only short statements ask for it: what the standby still has to apply
// may conflict with the snapshot of one that waits.
func (s *PostgresServer) Promote(ctx context.Context) error {
	err := s.asking(ctx, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, "SELECT pg_promote(false)"); err != nil {
			return err
		}
		for deadline := time.Now().Add(promotionPatience); time.Now().Before(deadline); {
			var standby bool
			if err := conn.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&standby); err != nil || !standby {
				return err
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(promotionTick):
			}
		}
		return fmt.Errorf("it is still a standby after %s; the end of its log:\n%s", promotionPatience, logTail(s.dir.log(), 0))
	})
	if err != nil {
		return fmt.Errorf("promoting a standby: %w", err)
	}
	return nil
}

const promotionPatience, promotionTick = time.Minute, 10 * time.Millisecond

// AwaitReplay returns when the standby has applied everything that the primary had written at the time of the call.
func (s *PostgresServer) AwaitReplay(ctx context.Context, primary *PostgresServer) error {
	var written string
	err := primary.asking(ctx, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, "SELECT pg_current_wal_lsn()::text").Scan(&written)
	})
	if err != nil {
		return fmt.Errorf("reading the position of a primary: %w", err)
	}
	return s.asking(ctx, func(conn *pgx.Conn) error {
		for {
			var applied bool
			if err := conn.QueryRow(ctx, "SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn", written).Scan(&applied); err != nil || applied {
				return err
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("waiting for a standby to apply %s: %w", written, ctx.Err())
			case <-time.After(readyInterval):
			}
		}
	})
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
