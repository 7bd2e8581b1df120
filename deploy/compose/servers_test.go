package compose_test

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/testservers"
)

// startPostgres does the same as the image on a new volume, and returns the server's address.
func startPostgres(t *testing.T, service types.ServiceConfig) string {
	t.Helper()
	server, err := testservers.StartPostgres(testservers.PostgresOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	conn, err := pgx.Connect(t.Context(), server.URL())
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()

	values := resolved(service)
	var access string
	require.NoError(t, conn.QueryRow(t.Context(), "SHOW hba_file").Scan(&access))
	for _, statement := range []string{
		fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", values["POSTGRES_USER"], values["POSTGRES_PASSWORD"]),
		fmt.Sprintf("CREATE DATABASE %s OWNER %s TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'", values["POSTGRES_DB"], values["POSTGRES_USER"]),
		// The servers of testservers need no password. This one does, as in the image.
		"COPY (VALUES ('host all postgres 127.0.0.1/32 trust'), ('host all all 127.0.0.1/32 scram-sha-256')) TO '" + access + "'",
		"SELECT pg_reload_conf()",
	} {
		_, err := conn.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	wrong, err := url.Parse(server.URL())
	require.NoError(t, err)
	wrong.User = url.UserPassword(values["POSTGRES_USER"], "wrong")
	wrong.Path = "/" + values["POSTGRES_DB"]
	require.Eventually(t, func() bool {
		_, err := pgx.Connect(t.Context(), wrong.String())
		var refused *pgconn.PgError
		return errors.As(err, &refused) && refused.Code == "28P01"
	}, startLimit, 20*time.Millisecond, "it asks for the password")
	return wrong.Host
}

// startRedis starts a server with the settings of the service's command line, and returns its address.
func startRedis(t *testing.T, service types.ServiceConfig) string {
	t.Helper()
	arguments, password := redisCommand(t, service)
	settings := make(map[string]string)
	for i := 0; i+1 < len(arguments); i += 2 {
		settings[strings.TrimPrefix(arguments[i], "--")] = arguments[i+1]
	}
	server, err := testservers.StartRedis(testservers.RedisOptions{Settings: settings})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	location, err := url.Parse(server.URL())
	require.NoError(t, err)
	client := redis.NewClient(&redis.Options{Addr: location.Host})
	defer func() { _ = client.Close() }()
	require.NoError(t, client.ConfigSet(t.Context(), "requirepass", password).Err())
	return location.Host
}

// redisCommand runs the service's command with a program instead of the server that records its arguments.
func redisCommand(t *testing.T, service types.ServiceConfig) (arguments []string, password string) {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\nprintf '%s\\n' \"$@\" >\"" + dir + "/arguments\"\ncat >\"" + dir + "/input\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "redis-server"), []byte(script), 0o755))
	require.Empty(t, service.Entrypoint)
	cmd := exec.Command(service.Command[0], service.Command[1:]...)
	cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
	for name, value := range resolved(service) {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, string(said))

	given, err := os.ReadFile(filepath.Join(dir, "arguments"))
	require.NoError(t, err)
	arguments = strings.Fields(string(given))
	require.Equal(t, "-", arguments[len(arguments)-1], "it reads the rest from its input")
	input, err := os.ReadFile(filepath.Join(dir, "input"))
	require.NoError(t, err)
	_, err = fmt.Sscanf(string(input), "requirepass %s", &password)
	require.NoError(t, err)
	return arguments[:len(arguments)-1], password
}

func TestRedisKeepsItsTasksAndItsPassword(t *testing.T) {
	values := environment(t)
	service := project(t, values).Services["redis"]
	arguments, password := redisCommand(t, service)
	assert.Equal(t, []string{"--appendonly", "yes", "--maxmemory", "512mb", "--maxmemory-policy", "noeviction"}, arguments)
	assert.GreaterOrEqual(t, int64(service.MemLimit), int64(2*512<<20), "a rewrite of the file can need as much again")
	assert.Equal(t, values["REDIS_PASSWORD"], password)
	assert.NotContains(t, strings.Join(service.Command, " "), password, "everyone on the machine can read the command line")
	assert.NotContains(t, strings.Join(service.HealthCheck.Test, " "), password)
}
