// Package counting relays connections and counts what is sent: bytes of any protocol, and the statements and round trips of PostgreSQL
// and Redis. Counts depend on what a client sends and not on time, so that a busy machine changes them little.
package counting
