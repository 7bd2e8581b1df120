package bench

import (
	"context"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"redrive/pkg/lifecycle"
	"redrive/pkg/queue"
	"redrive/pkg/testservers"
)

// postgresSettings make the private server durable, as in production. The servers of testservers do not sync their files. The other
// settings are usual for such a machine.
var postgresSettings = map[string]string{
	"fsync":              "on",
	"full_page_writes":   "on",
	"synchronous_commit": "on",
	"shared_buffers":     "512MB",
	"max_wal_size":       "4GB", // so that a fill causes no checkpoint
}

// redisSettings disable snapshots, as in testservers, so that a fork does not disturb a measurement.
var redisSettings = map[string]string{"databases": "16"}

// The numbers of Redis databases. Measurements beside the system use their own.
const (
	redisSystem = iota
	redisBaseline
	redisSmall
	redisLarge
	redisSearchSmall
	redisSearchLarge
	redisLinked
)

// servers are started on first use.
type servers struct {
	versions *versions
	postgres func() (*testservers.PostgresServer, error)
	redis    func() (*testservers.RedisServer, error)
	receiver func() (*receiver, error)
}

// versions are those of the servers that were started, or empty.
type versions struct{ postgres, redis string }

func newServers(opened *lifecycle.Stack) servers {
	v := &versions{}
	return servers{
		versions: v,
		postgres: sync.OnceValues(func() (*testservers.PostgresServer, error) {
			server, err := testservers.StartPostgres(testservers.PostgresOptions{Settings: postgresSettings})
			if err != nil {
				return nil, fmt.Errorf("start PostgreSQL: %w", err)
			}
			opened.Push("PostgreSQL", func(context.Context) error { return server.Close() })
			v.postgres = postgresVersion(server.URL())
			return server, nil
		}),
		redis: sync.OnceValues(func() (*testservers.RedisServer, error) {
			server, err := testservers.StartRedis(testservers.RedisOptions{Settings: redisSettings})
			if err != nil {
				return nil, fmt.Errorf("start Redis: %w", err)
			}
			opened.Push("Redis", func(context.Context) error { return server.Close() })
			v.redis = redisVersion(server.URL())
			return server, nil
		}),
		receiver: sync.OnceValues(func() (*receiver, error) {
			r, err := startReceiver()
			if err != nil {
				return nil, err
			}
			opened.Push("the receiver", r.stop)
			return r, nil
		}),
	}
}

// redisURL returns the address of one of the databases.
func (s servers) redisURL(number int) (string, error) {
	server, err := s.redis()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("redis://127.0.0.1:%d/%d", server.Port(), number), nil
}

func (s servers) redisClient(number int) (redis.UniversalClient, error) {
	url, err := s.redisURL(number)
	if err != nil {
		return nil, err
	}
	return queue.Connect(url)
}

// createDatabase makes an empty database and returns its URL.
func (s servers) createDatabase(ctx context.Context, name string) (string, error) {
	server, err := s.postgres()
	if err != nil {
		return "", err
	}
	pool, err := pgxpool.New(ctx, server.URL())
	if err != nil {
		return "", fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	defer pool.Close()
	if _, err := pool.Exec(ctx, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"); err != nil {
		return "", fmt.Errorf("create a database: %w", err)
	}
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%s?sslmode=disable", server.Port(), name), nil
}
