// Package docker holds what the container images are built from and the script that makes the stack's secrets; here they are
// tested. That the stack starts is tested in deploy/compose.
package docker
