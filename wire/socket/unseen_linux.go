package socket

import (
	"net"
	"syscall"
	"unsafe"
)

// Unseen returns how many bytes of what was written to c its peer has not acknowledged; 0 as well where nobody can tell (tcp(7), SIOCOUTQ).
func Unseen(c net.Conn) (n int) {
	tcp := TCP(c)
	if tcp == nil {
		return 0
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) {
		var queued int32
		if _, _, e := syscall.RawSyscall(syscall.SYS_IOCTL, fd, syscall.TIOCOUTQ, uintptr(unsafe.Pointer(&queued))); e == 0 {
			n = int(queued)
		}
	})
	return n
}
