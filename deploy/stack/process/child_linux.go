package process

import "syscall"

// endWithParent makes the kernel kill the child when this process ends for any reason.
func endWithParent(attributes *syscall.SysProcAttr) { attributes.Pdeathsig = syscall.SIGKILL }
