// Package store stores endpoints, events, deliveries, attempts and API keys in a relational database through GORM. It is the only
// package with tables and SQL. Package webhook has the rules of the domain.
//
//	api_keys      the keys that may call the API, as hashes
//	endpoints     the receivers; signing secrets and header values are sealed
//	endpoint_health  how the attempts to each endpoint have ended lately
//	events        the published events; a payload is stored once for all deliveries
//	deliveries    one event for one endpoint; the rows are narrow because they are updated often
//	console_sessions  sessions of the console; their tokens are stored as hashes
//	idempotency_keys  the requests of the last 24 hours that had a key
//	attempts      one POST each; the rows are never updated
//	statistics_…  what was counted: deltas of transactions, hours, days, and the event types that are counted by name
//
// Two statements carry the guarantees. A manual retry is guarded by the status (WHERE status = 'failure'), so that one of several
// concurrent callers succeeds. An outcome is fenced by the revision on which it was decided (WHERE revision = …), so that a worker that
// was suspended cannot overwrite a later state.
//
// Each write takes values that package webhook has decided, and exists once per database:
//
//	write                       PostgreSQL                        SQLite
//	publish                     createSQL, many events            createEach
//	record an outcome, fail     moveSQL, many deliveries          moveOne
//	retry                       requeueSQL, many deliveries       requeueOne
//
// A call for one item is a batch of one. If PostgreSQL refuses a batch, its items are written one by one, so that one refused item does
// not affect the others. SQLite writes the events or outcomes of a batch in one transaction, each after a savepoint.
//
// # Migrations
//
// A migration is a numbered file in both folders, store/postgres/migrations and store/sqlite/migrations. It runs while processes of the
// previous version run, on tables with millions of rows. In PostgreSQL, the following rules hold:
//
//   - A new column is nullable or has a constant default. Neither rewrites the table. Old processes do not write the column.
//   - A column is dropped or renamed one version after the last program that names it.
//   - An index on a large table is created CONCURRENTLY, in a file of its own. The file begins with "-- +goose NO TRANSACTION", drops the
//     index of a failed run with DROP INDEX IF EXISTS, and creates it with IF NOT EXISTS.
//   - A constraint is added NOT VALID and validated in a later file.
//   - Rows are backfilled in small batches by a command, such as rotate-secrets, and not by a migration.
//   - A statement waits 3 s for a lock. Migrate then runs the file again, up to five times. A running statement has no time limit. A file
//     therefore locks one table and is atomic.
//
// The child packages open the databases: store/postgres in production, store/sqlite in local mode. Package storetest is the conformance
// suite that both must pass.
package store
