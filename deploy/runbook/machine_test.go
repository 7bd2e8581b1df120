package runbook_test

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redrive/deploy/stack"
	"redrive/pkg/testservers"
)

// machine is the machine on which the guide's commands run, with a database, a Redis that requires a password, and running services.
type machine struct {
	folder   string
	database string // its URL
	redis    string
	services *stack.ProcessStack
	environ  []string
	calls    string // the file that the replacement of docker writes to
}

const redisPassword = "of-the-redis-server"

func newMachine(t *testing.T) *machine {
	t.Helper()
	postgres, err := testservers.StartPostgres(testservers.PostgresOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, postgres.Close()) })
	server, err := url.Parse(postgres.URL())
	require.NoError(t, err)
	redis, err := testservers.StartRedis(testservers.RedisOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, redis.Close()) })
	queue, err := url.Parse(redis.URL())
	require.NoError(t, err)
	programs, err := testservers.PostgresPrograms()
	require.NoError(t, err)

	m := &machine{folder: t.TempDir()}
	m.calls = filepath.Join(m.folder, "docker-calls")
	run := func(program string, arguments ...string) {
		said, err := exec.Command(program, arguments...).CombinedOutput()
		require.NoError(t, err, string(said))
	}
	psql := filepath.Join(programs, "psql")
	run(psql, postgres.URL(), "-c", "CREATE ROLE redrive LOGIN CREATEDB", "-c", "CREATE DATABASE redrive OWNER redrive TEMPLATE template0")
	run("redis-cli", "-p", queue.Port(), "CONFIG", "SET", "requirepass", redisPassword)
	t.Cleanup(func() { // the server is stopped without a password
		run("redis-cli", "-u", m.redis, "CONFIG", "SET", "requirepass", "")
	})
	m.database = "postgres://redrive@" + server.Host + "/redrive?sslmode=disable"
	m.redis = "redis://default:" + redisPassword + "@" + queue.Host + "/0"
	m.services = stack.Processes(t, stack.Options{Settings: map[string]string{"DATABASE_URL": m.database, "REDIS_URL": m.redis}})

	bin := filepath.Join(m.folder, "bin")
	require.NoError(t, os.Mkdir(bin, 0o755))
	require.NoError(t, os.Symlink(m.services.Program(), filepath.Join(bin, "api-service")))
	shims := m.shims(t, bin, queue.Port())
	m.environ = append(m.services.Environ(), "PATH="+shims+":"+programs+":"+os.Getenv("PATH"),
		"PGHOST="+server.Hostname(), "PGPORT="+server.Port(), "REDISCLI_AUTH="+redisPassword, "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
	return m
}

// shims makes a folder with replacements of docker and make, and returns it.
func (m *machine) shims(t *testing.T, bin, redisPort string) string {
	t.Helper()
	folder := filepath.Join(m.folder, "shims")
	require.NoError(t, os.Mkdir(folder, 0o755))
	redisCLI, err := exec.LookPath("redis-cli")
	require.NoError(t, err)
	for name, script := range map[string]string{
		// exec runs the command of a container on this machine, and records commands for the engine.
		"docker": `#!/bin/sh
[ "$1 $2" = "compose exec" ] || { echo "docker $*" >>"` + m.calls + `"; exit 0; }
shift 2
[ "$1" != -T ] || shift
service=$1
shift
case $service in
  postgres | redis) exec "$@" ;;
  api-service) program=$1; shift; exec "` + bin + `/${program#/}" "$@" ;;
  *) echo "no service $service" >&2; exit 64 ;;
esac
`,
		"make": "#!/bin/sh\necho \"make $*\" >>\"" + m.calls + "\"\n",
		// In the container Redis has its usual port.
		"redis-cli": "#!/bin/sh\nexec \"" + redisCLI + "\" -p " + redisPort + " \"$@\"\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(script), 0o755))
	}
	return folder
}

// run runs a block with additional settings.
func (m *machine) run(t *testing.T, text string, settings ...string) (said string) {
	t.Helper()
	return shell(t, m.folder, append(m.environ, settings...), text)
}

// called returns the calls of docker and make since the last time.
func (m *machine) called(t *testing.T) (calls []string) {
	t.Helper()
	content, err := os.ReadFile(m.calls)
	require.NoError(t, err)
	require.NoError(t, os.Remove(m.calls))
	return strings.Split(strings.TrimSpace(string(content)), "\n")
}

// start starts the services with another database, or with the former one.
func (m *machine) start(t *testing.T, database string) {
	t.Helper()
	for _, service := range append(m.services.Dispatchers(), m.services.API()) {
		require.NoError(t, service.Start(map[string]string{"DATABASE_URL": database}))
	}
}
