// Package store keeps endpoints, events, deliveries, attempts and API keys in a relational database through GORM. It is the
// only package that knows tables and SQL; the domain's rules stay in package webhook.
//
//	api_keys      who may call the API
//	endpoints     where events go; signing secrets are sealed before they get here
//	events        what was published, the payload once whatever the fan-out
//	deliveries    one event on its way to one endpoint: narrow, for it is updated often
//	attempts      one POST each, never changed
//
// Two statements carry the guarantees. A manual retry is one guarded UPDATE (WHERE status = 'failure'), so that of any
// number of callers one wins. An outcome is fenced (WHERE revision = the one it was decided on), so that a worker that was
// frozen cannot overwrite what happened meanwhile.
//
// # Migrations
//
// A migration is a numbered file in both folders, store/postgres/migrations and store/sqlite/migrations. It runs beside processes of the
// version before it, on tables with millions of rows, so that in PostgreSQL:
//
//   - A new column can be null or has a constant default: neither rewrites the table. Old processes do not write it.
//   - A column is dropped or renamed one version after the last program that names it.
//   - An index on a large table is made CONCURRENTLY, in a file of its own that begins with "-- +goose NO TRANSACTION", with IF NOT
//     EXISTS and after a DROP INDEX IF EXISTS of what a broken run has left.
//   - A constraint is added NOT VALID, and validated in a later file.
//   - Rows are filled in by a command in small batches, as rotate-secrets does it, and not by a migration.
//   - A statement waits 3 s for a lock, then Migrate runs the file again, up to five times. It has no time limit once it runs. A file
//     therefore locks one table, and does all of its work or none.
//
// The child packages open the databases: store/postgres in production, store/sqlite on a laptop. Package storetest is the conformance suite that each must pass.
package store
