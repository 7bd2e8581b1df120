// Package runbook runs the commands of the guide to operations (pkg/guides/operations.md). A backup is taken and restored, with the
// services' commands and with those of the containers. Every command of the guide is run by some test.
//
// The containers' commands run without an engine: a script replaces docker and runs the command of a container on this machine. Package
// deploy/containers tests them with an engine.
package runbook
