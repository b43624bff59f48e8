package realdns

import "syscall"

// dieWithParent makes the kernel end a child whose parent is gone, so that a killed test leaves no server behind.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }
