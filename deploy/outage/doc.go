// Package outage holds tests of both services over a PostgreSQL that fails while they work: one that refuses connections, loses
// them silently, changes under them, or has no space left. Each test runs on a server of its own.
package outage
