package gateway

import (
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
)

// This file fits the process to the machine: how many files it may open, how much memory it may use.

// raiseFiles lifts the soft limit on open files to the hard one. Every connection is a file, so a soft limit of 1,024
// would be the gateway's real capacity.
func raiseFiles() {
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) == nil && r.Cur < r.Max {
		r.Cur = r.Max
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &r)
	}
}

// openFiles is how many files the process may open.
func openFiles() uint64 {
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) != nil {
		return 1024
	}
	return r.Cur
}

// mostConnections is how many client connections fit into that many files: each may need one towards an
// upstream as well, and logs, files and the admin listener need room whatever clients do.
func mostConnections(files uint64) int {
	return int(min(float64(files)*0.45, 50_000))
}

// limitMemory makes the garbage collector work harder when the process nears 90 % of what its control
// group may use, so that it is not killed for garbage. GOMEMLIMIT, when set, is the operator's word and stays.
// It returns the limit it set, 0 for none.
func limitMemory(root string) int64 {
	if os.Getenv("GOMEMLIMIT") != "" {
		return 0
	}
	limit := groupMemory(root)
	if limit <= 0 {
		return 0
	}
	limit -= limit / 10
	debug.SetMemoryLimit(limit)
	return limit
}

// groupMemory returns the smallest memory limit of the control groups that the process is in, 0 when there
// is none. Root is "/" but in tests.
func groupMemory(root string) int64 {
	membership, err := os.ReadFile(path.Join(root, "proc/self/cgroup"))
	if err != nil {
		return 0
	}
	smallest := int64(math.MaxInt64)
	for line := range strings.Lines(string(membership)) {
		// "hierarchy:controllers:path"; version 2 has hierarchy 0 and no controllers (cgroups(7)).
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		mount, file := "sys/fs/cgroup", "memory.max"
		if parts[1] != "" {
			if !hasController(parts[1], "memory") {
				continue
			}
			mount, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		}
		smallest = min(smallest, groupLimit(path.Join(root, mount), parts[2], file))
	}
	// Version 1 says "none" with a number close to the largest.
	if smallest > math.MaxInt64/2 {
		return 0
	}
	return smallest
}

func hasController(list, name string) bool {
	for c := range strings.SplitSeq(list, ",") {
		if c == name {
			return true
		}
	}
	return false
}

// groupLimit reads the limit of a group and of all that it is in: the smallest holds. In a container the
// path may be the host's and lead nowhere, but the mount's root is then the container's own group.
func groupLimit(mount, group, file string) int64 {
	smallest := int64(math.MaxInt64)
	for dir := path.Clean("/" + group); ; dir = path.Dir(dir) {
		if n := readLimit(path.Join(mount, dir, file)); n > 0 {
			smallest = min(smallest, n)
		}
		if dir == "/" {
			return smallest
		}
	}
}

// readLimit returns the number in a file; 0 for "max" and for no such file.
func readLimit(name string) int64 {
	text, err := os.ReadFile(name)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
