package process

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// This file takes the listening sockets that a process was started with: by systemd (sd_listen_fds(3)), or by the program
// that it takes over from.

// firstFile is the first file that a process is given beside its standard ones.
const firstFile = 3

// handoverVariable tells a new program what its predecessor hands over.
const handoverVariable = "SALLYPORT_HANDOVER"

// A given is a socket that the process was started with.
type given struct {
	Address string `json:"address,omitempty"` // as the predecessor's document had it
	Name    string `json:"name,omitempty"`    // from systemd
	Kept    bool   `json:"kept,omitempty"`    // systemd has it open as well, so that it cannot be opened anew
	File    int    `json:"file"`

	file  *os.File
	local *net.TCPAddr
	taken bool // a listener has it
}

// A parcel is what one program hands over to the next.
type parcel struct {
	Sockets []*given `json:"sockets"`
	Ready   int      `json:"ready"` // the new one writes here once it is ready
	Go      int      `json:"go"`    // and waits here until it may begin
}

// Inherit takes what the process was started with and removes it from the environment, for it is not for programs that this one
// starts. It is called once, at the start. What cannot be used is told of in odd.
func Inherit() (s *Sockets, h *Handover, odd []string) {
	s = NewSockets()
	if text := os.Getenv(handoverVariable); text != "" {
		var p parcel
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			odd = append(odd, handoverVariable+" cannot be read: "+err.Error())
		} else {
			h = &Handover{ready: inherited(p.Ready), begin: inherited(p.Go)}
			odd = append(odd, s.adopt(p.Sockets)...)
			s.gate = make(chan struct{})
		}
	} else if os.Getenv("LISTEN_PID") == strconv.Itoa(os.Getpid()) {
		odd = append(odd, s.adopt(activated(os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_FDNAMES")))...)
	}
	for _, name := range []string{handoverVariable, "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		_ = os.Unsetenv(name)
	}
	return s, h, odd
}

func inherited(file int) *os.File {
	unix.CloseOnExec(file)
	return os.NewFile(uintptr(file), "handover")
}

// activated are the sockets that systemd passed.
func activated(count, names string) (list []*given) {
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > 1000 {
		return nil
	}
	all := strings.Split(names, ":")
	for i := range n {
		g := &given{File: firstFile + i, Kept: true}
		if i < len(all) {
			g.Name = all[i]
		}
		list = append(list, g)
	}
	return list
}

// adopt takes sockets, and says which are none that a listener can use.
func (s *Sockets) adopt(list []*given) (odd []string) {
	for _, g := range list {
		g.file = inherited(g.File)
		l, err := net.FileListener(g.file)
		if err != nil {
			odd = append(odd, fmt.Sprintf("the file %d %s is no listening socket: %v", g.File, g.Name, err))
			_ = g.file.Close()
			continue
		}
		local, ok := l.Addr().(*net.TCPAddr)
		_ = l.Close()
		if !ok {
			odd = append(odd, fmt.Sprintf("the socket %s %s is no TCP socket", l.Addr(), g.Name))
			_ = g.file.Close()
			continue
		}
		g.local = local
		s.given = append(s.given, g)
	}
	return odd
}

// is says whether the socket is bound to what address means.
func (g *given) is(want *net.TCPAddr) bool {
	switch {
	case want == nil || want.Port == 0 || want.Port != g.local.Port:
		return false
	case want.IP == nil || want.IP.IsUnspecified():
		return g.local.IP.IsUnspecified()
	}
	return g.local.IP.Equal(want.IP)
}

func (g *given) String() string {
	if g.Name != "" && g.Name != "unknown" {
		return g.local.String() + " (" + g.Name + ")"
	}
	return g.local.String()
}
