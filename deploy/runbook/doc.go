// Package runbook runs the commands of the guide to operations (pkg/guides/operations.md): a backup is taken and restored under data,
// with the services' commands and with those of the containers. Every command of the guide is run by some test.
//
// The containers' commands run without an engine: in the place of docker is a script that runs the command of a container on this
// machine. That the engine takes the same commands is tested in deploy/containers.
package runbook
