package process

import (
	"os"

	"golang.org/x/sys/unix"
)

// Hush keeps what is typed at the terminal f from being shown, until restore is called. It is not ok when f is no terminal.
func Hush(f *os.File) (restore func(), ok bool) {
	fd := int(f.Fd())
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, false
	}
	silent := *before
	silent.Lflag &^= unix.ECHO
	silent.Lflag |= unix.ICANON | unix.ISIG
	silent.Iflag |= unix.ICRNL
	if unix.IoctlSetTermios(fd, unix.TCSETS, &silent) != nil {
		return nil, false
	}
	return func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, before) }, true
}
