//go:build !386 && !s390x

package socket

import "syscall"

const (
	readCall  = syscall.SYS_RECVFROM
	writeCall = syscall.SYS_SENDTO
)
