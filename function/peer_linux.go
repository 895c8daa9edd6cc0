package function

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// This file finds out who is at the other end of a connection of loopback, by what the kernel tells of its connections and processes.

// heard says whether c comes from the process of that number or one that it started, and from this user.
func heard(c net.Conn, pid int) bool {
	local, okay := c.LocalAddr().(*net.TCPAddr)
	remote, fine := c.RemoteAddr().(*net.TCPAddr)
	if !okay || !fine {
		return false
	}
	from, to := kernelAddress(remote), kernelAddress(local)
	const mapped = "0000000000000000FFFF0000" // an IPv4 address at a socket of IPv6
	user, inode := owner("/proc/net/tcp", from, to)
	if user == "" {
		user, inode = owner("/proc/net/tcp6", mapped+from, mapped+to)
	}
	return user == strconv.Itoa(os.Geteuid()) && belongs("socket:["+inode+"]", pid)
}

// owner finds which user has a connection, and its number, "" when nobody can tell: one that its process has let go of (inode 0) is on the
// books of root, whoever made it.
func owner(table, from, to string) (user, inode string) {
	f, err := os.Open(table)
	if err != nil {
		return "", ""
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if fields := strings.Fields(s.Text()); len(fields) > 9 && fields[1] == from && fields[2] == to && fields[9] != "0" {
			return fields[7], fields[9]
		}
	}
	return "", ""
}

// kernelAddress is an address as /proc/net/tcp writes it on a machine whose bytes go from the smallest to the largest.
func kernelAddress(a *net.TCPAddr) string {
	ip := a.IP.To4()
	if ip == nil {
		return ""
	}
	return fmt.Sprintf("%02X%02X%02X%02X:%04X", ip[3], ip[2], ip[1], ip[0], a.Port)
}

// belongs says whether the process of that number has a file open, or one of its group or below it. Mostly it is the first that is asked.
func belongs(file string, pid int) bool {
	if opens(pid, file) {
		return true
	}
	names, _ := filepath.Glob("/proc/[0-9]*")
	parents, groups := map[int]int{}, map[int]int{}
	for _, name := range names {
		n, _ := strconv.Atoi(filepath.Base(name))
		parents[n], groups[n] = standing(n)
	}
	for n := range parents {
		if n != pid && below(n, pid, parents, groups) && opens(n, file) {
			return true
		}
	}
	return false
}

func below(n, pid int, parents, groups map[int]int) bool {
	for range 100 { // the numbers come from different moments, so that they could lead in a circle
		if n == pid || groups[n] == pid {
			return true
		}
		if n = parents[n]; n <= 1 {
			break
		}
	}
	return false
}

// standing is a process's parent and group (proc_pid_stat(5)).
func standing(pid int) (parent, group int) {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	i := strings.LastIndexByte(string(b), ')') // the name before may hold anything
	if fields := strings.Fields(string(b[i+1:])); len(fields) > 2 {
		parent, _ = strconv.Atoi(fields[1])
		group, _ = strconv.Atoi(fields[2])
	}
	return parent, group
}

func opens(pid int, file string) bool {
	names, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, name := range names {
		if to, err := os.Readlink(name); err == nil && to == file {
			return true
		}
	}
	return false
}
