//go:build 386 || s390x

package socket

import "syscall"

// Where all calls for sockets are one, those for files are the shorter way.
const (
	readCall  = syscall.SYS_READ
	writeCall = syscall.SYS_WRITE
)
