// Package docker breaks the containers of docker-compose.yml while events are published to them, and sees that nothing is lost.
// Its tests take part in a session of package containers: `make stack` runs them.
//
//	load ──► API ──► PostgreSQL, Redis ──► dispatcher ──► receiver
//	  └──────────────── audit: accepted, rows, attempts, requests, faults
//
// Each test has a project of its own. The verdict comes from the receiver and the database, as that of package chaos does. Since the
// containers of a scaled service run one image, all dispatchers are number 0 to the audit.
package docker
