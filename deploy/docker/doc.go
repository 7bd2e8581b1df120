// Package docker holds the sources of the container images and the scripts that prepare the stack, with their tests. Package deploy/compose
// tests that the stack starts.
package docker
