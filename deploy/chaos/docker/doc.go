// Package docker injects faults into the containers of docker-compose.yml under load, and checks that nothing is lost. Its tests run in a
// session of package containers: `make stack` runs them.
//
//	load ──► API ──► PostgreSQL, Redis ──► dispatcher ──► receiver
//	  └──────────────── audit: accepted, rows, attempts, requests, faults
//
// Each test has a project of its own. The verdict comes from the receiver and the database, as in package chaos. All containers of a
// scaled service run one image, so the audit attributes every request to dispatcher 0.
package docker
