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
// The child packages open the databases: store/postgres in production, store/sqlite on a laptop. Package storetest is the conformance suite that each must pass.
package store
