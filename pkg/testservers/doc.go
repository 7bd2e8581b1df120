// Package testservers provides PostgreSQL and Redis servers for tests and removes them afterwards.
//
// A test that only needs a database gets a URL:
//
//	db := testservers.Postgres(t)  // postgres://…, a fresh and empty database
//	redis := testservers.Redis(t)  // redis://…, an empty database number
//
// Both belong to the call alone, so such tests may run in parallel. Both are removed when the test ends. A test that kills, freezes or
// restarts a server starts its own with [StartPostgres] or [StartRedis]. [StartPgBouncer] starts a pooler for a database, and
// [StartPrometheus] a server that evaluates rules. [NewTemplate] prepares a database once, for example by migrations, and copies it for
// each test.
//
// # Where the servers come from
//
// If TEST_DATABASE_URL is set, databases are created on that server. If TEST_REDIS_URL is set, databases 1 to 15 of that server are
// leased to tests. Such a test must use FLUSHDB and never FLUSHALL, which would empty the databases of other tests too. Without those
// variables, installed programs are started: one PostgreSQL for the test process, and one Redis for each call, which takes about 20 ms.
// Starting PostgreSQL takes a second or two. The command in cmd/withservers does it once for a whole `go test ./...`. It also installs
// missing programs, see [Install].
//
// Every server listens only on 127.0.0.1 and asks for no password.
//
// # How the servers end
//
// A server of one test is closed by the test's cleanup. The PostgreSQL that the process shares is closed by [Shutdown], which a package
// should call through [Main] or [Suite]:
//
//	func TestMain(m *testing.M) { os.Exit(testservers.Main(m)) }
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(testservers.Suite(m)) }
//
// If the process ends in any other way (a panic, a timeout, SIGKILL), its servers end too on Linux, where the kernel signals them. Their
// directories are removed when the next server starts. On other systems, PostgreSQL ends within a minute after its directory has been
// removed, and a Redis must be stopped by hand.
//
// A running server has one goroutine. Checks for leaked goroutines inside a test should ignore it with goleak.IgnoreCurrent.
//
// Linux and macOS are supported.
package testservers
