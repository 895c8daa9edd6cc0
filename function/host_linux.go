package function

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// This file is what only Linux can do.

// The signals that end processes.
const (
	asked  = syscall.SIGTERM
	killed = syscall.SIGKILL
)

// apart has a process begin a group of its own, and die with the gateway however that ends.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// signal sends s to the whole group. The caller holds mu and knows that the number is still the process's.
func (p *process) signal(s syscall.Signal) { _ = syscall.Kill(-p.cmd.Process.Pid, s) }

// A starter starts processes, from one thread that never ends before them: to Linux, the parent whose death a process dies of is the thread
// that started it.
type starter struct {
	asks chan ask
	done chan struct{}
}

type ask struct {
	cmd *exec.Cmd
	err chan error
}

func newStarter() *starter {
	s := &starter{make(chan ask), make(chan struct{})}
	go func() { // close ends it
		defer close(s.done)
		runtime.LockOSThread() // and never unlocks it, so that the thread ends with this
		for a := range s.asks {
			a.err <- a.cmd.Start()
		}
	}()
	return s
}

func (s *starter) start(cmd *exec.Cmd) error {
	a := ask{cmd, make(chan error, 1)}
	s.asks <- a
	return <-a.err
}

func (s *starter) close() {
	close(s.asks)
	<-s.done
}

// awaitExit returns once the process has ended; until somebody waits for it, its number stays its own (waitid with WNOWAIT).
func awaitExit(pid int) {
	const pPID, wExited, wNoWait = 1, 4, 0x1000000
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, pPID, uintptr(pid), 0, wExited|wNoWait, 0, 0)
		if errno != syscall.EINTR {
			return
		}
	}
}

// resident is the memory of a process that is in use.
func resident(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// sameUser says whether the other end of a connection of loopback is a process of the user that this one runs as.
func sameUser(c net.Conn) bool {
	local, okay := c.LocalAddr().(*net.TCPAddr)
	remote, fine := c.RemoteAddr().(*net.TCPAddr)
	if !okay || !fine {
		return false
	}
	from, to := kernelAddress(remote), kernelAddress(local)
	const mapped = "0000000000000000FFFF0000" // an IPv4 address at a socket of IPv6
	user := owner("/proc/net/tcp", from, to)
	if user == "" {
		user = owner("/proc/net/tcp6", mapped+from, mapped+to)
	}
	return user == strconv.Itoa(os.Geteuid())
}

// owner finds who has a connection, "" when nobody can tell: one that its process has let go of (inode 0) is on the books of root, whoever
// made it.
func owner(table, from, to string) string {
	f, err := os.Open(table)
	if err != nil {
		return ""
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if fields := strings.Fields(s.Text()); len(fields) > 9 && fields[1] == from && fields[2] == to && fields[9] != "0" {
			return fields[7]
		}
	}
	return ""
}

// kernelAddress is an address as /proc/net/tcp writes it on a machine whose bytes go from the smallest to the largest.
func kernelAddress(a *net.TCPAddr) string {
	ip := a.IP.To4()
	if ip == nil {
		return ""
	}
	return fmt.Sprintf("%02X%02X%02X%02X:%04X", ip[3], ip[2], ip[1], ip[0], a.Port)
}
