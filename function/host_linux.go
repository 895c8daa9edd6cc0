package function

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
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

// reap waits for those of a group that have become children of this process, as it happens to the first process of a container when their
// parent ends; nobody else would, and their numbers would stay taken.
func reap(group int) {
	for range 100 {
		switch pid, err := syscall.Wait4(-group, nil, syscall.WNOHANG, nil); {
		case err != nil && err != syscall.EINTR:
			return // there are none: the usual case
		case pid == 0:
			time.Sleep(grace / 100) // they were killed a moment ago
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
