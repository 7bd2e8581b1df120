//go:build !linux

package process

import "syscall"

// endWithParent does nothing, because only Linux signals children when their parent ends.
func endWithParent(*syscall.SysProcAttr) {}
