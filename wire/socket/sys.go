package socket

import (
	"syscall"
	"unsafe"
)

// Reads and writes of sockets that do not block. They go to the kernel without telling the scheduler, which is
// what it is told for only when a call may wait; these take microseconds at most. They are the calls for sockets, recv and send: those for
// files of any kind take a longer way through the kernel, some 0.1 µs each.

// Read reads once. n is 0 at the end of the stream and when errno says why not.
func Read(fd uintptr, b []byte) (n int, errno syscall.Errno) {
	if len(b) == 0 {
		return 0, syscall.ENOBUFS
	}
	for {
		r, _, e := syscall.RawSyscall6(readCall, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), 0, 0, 0)
		if e == 0 {
			return int(r), 0
		}
		if e != syscall.EINTR {
			return 0, e
		}
	}
}

// Write writes once.
func Write(fd uintptr, b []byte) (n int, errno syscall.Errno) {
	for {
		r, _, e := syscall.RawSyscall6(writeCall, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), 0, 0, 0)
		if e == 0 {
			return int(r), 0
		}
		if e != syscall.EINTR {
			return 0, e
		}
	}
}
