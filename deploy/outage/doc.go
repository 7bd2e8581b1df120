// Package outage tests both services over a PostgreSQL with faults: one that refuses connections, drops them silently, is replaced, or has
// no space left. Each test runs on a server of its own.
package outage
