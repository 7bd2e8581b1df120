// Package compose tests docker-compose.yml and its Dockerfile on machines without a container engine. It reads the file with the library
// that Docker Compose uses. It builds the programs by the Dockerfile's instructions, from the files in the build's context. It starts the
// stack from them in the order and with the environment of the file, over a PostgreSQL and a Redis with the file's passwords.
package compose
