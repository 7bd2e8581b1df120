//go:build !linux

package postgres

import "syscall"

// control does nothing, because other kernels lack the option.
func control(string, string, syscall.RawConn) error { return nil }
