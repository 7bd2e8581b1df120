// Package containers starts the project of docker-compose.yml on a real Docker engine, for tests.
//
//	plugins  Docker Compose and buildx, built from their modules when the machine lacks them
//	images   those of others, as they are or as stand-ins; ours, built by the real Dockerfile
//	session  one run: an ID, a network for receivers, and all that Close removes
//	project  one `docker compose` project of a session
//
// A session has names of its own for everything: projects, volumes, networks and image tags carry its ID, and ports are free
// ones of loopback. Two sessions, and a session beside a `redrive` project of the same engine, share nothing. Close removes
// what carries the ID and nothing else. Images that were pulled stay, and so does the engine's build cache.
//
// A stand-in is an image made of programs that are installed on this machine. It is called redrive-standin/NAME and never has
// the name of the image that it replaces. An override file puts it in its place.
package containers
