// Package docker holds what the container images are built from and the scripts that prepare the stack; here they are
// tested. That the stack starts is tested in deploy/compose.
package docker
