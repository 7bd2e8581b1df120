//go:build !linux

package postgres

import "syscall"

// control does nothing where the kernel has no such option.
func control(string, string, syscall.RawConn) error { return nil }
