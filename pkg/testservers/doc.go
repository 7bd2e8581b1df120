// Package testservers gives tests a PostgreSQL and a Redis of their own and throws them away afterwards.
//
// A test that only needs data to live somewhere asks for a URL:
//
//	db := testservers.Postgres(t)  // postgres://…, a fresh and empty database
//	redis := testservers.Redis(t)  // redis://…, an empty database number
//
// Both are private to the call, so that such tests may run in parallel, and both are cleaned up when the test ends. A test that
// kills, freezes or restarts a server starts one with [StartPostgres] or [StartRedis]. [StartPgBouncer] puts a pooler before a database, and
// [StartPrometheus] evaluates rules.
//
// # Where the servers come from
//
// With TEST_DATABASE_URL set, databases are created on that server; with TEST_REDIS_URL set, database numbers 1 to 15 of that
// server are lent out. Tests on a lent number must use FLUSHDB and never FLUSHALL, which hits everybody else. Without those
// variables servers are started from the installed binaries: one PostgreSQL for the test process, and one Redis for each call,
// which takes some 20 ms. Starting PostgreSQL takes a second or two, and the command in cmd/withservers does it once for a whole
// `go test ./...`. It also installs what is missing, see [Install].
//
// Every server listens on 127.0.0.1 alone and asks for no password.
//
// # How the servers end
//
// Cleanup functions of the test end what is private to one test. The PostgreSQL that the process shares ends with [Shutdown],
// which a package best calls through [Main] or [Suite]:
//
//	func TestMain(m *testing.M) { os.Exit(testservers.Main(m)) }
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(testservers.Suite(m)) }
//
// A process that ends in any other way (a panic, a timeout, SIGKILL) takes its servers with it on Linux, where the kernel tells
// them that their parent has died. Their directories stay, and are removed when the next server is started. Elsewhere PostgreSQL
// notices within a minute that its directory has been removed; a Redis that is left over has to be ended by hand.
//
// A running server costs one goroutine, which checks for leaked goroutines inside of a test should skip with goleak.IgnoreCurrent.
//
// Linux and macOS are supported.
package testservers
