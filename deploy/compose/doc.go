// Package compose tests docker-compose.yml and the Dockerfile behind it on machines without a container engine: what the file
// says is read by the library that Docker Compose reads it with, the programs are built by the Dockerfile's own instructions from
// the files that are in the build's context, and the stack is started from them, in the order and with the environment that the
// file gives, over a PostgreSQL and a Redis that ask for the file's passwords.
package compose
