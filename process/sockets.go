package process

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Sockets are the listening sockets of a process: those that it was started with, and those that it opened itself.
type Sockets struct {
	gate chan struct{} // closed once connections may be accepted

	mu    sync.Mutex
	given []*given             // guarded by mu
	open  map[*Listener]*given // with what each came from, nil for its own; guarded by mu
}

// NewSockets returns none.
func NewSockets() *Sockets {
	s := &Sockets{gate: make(chan struct{}), open: map[*Listener]*given{}}
	close(s.gate)
	return s
}

// A Listener is one of the sockets.
type Listener struct {
	*net.TCPListener
	sockets *Sockets
	address string
	closed  chan struct{}
	once    sync.Once
}

// Listen takes the socket that the process was given for address, or opens one.
func (s *Sockets) Listen(network, address string) (net.Listener, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.find(network, address)
	l, err := s.bind(g, network, address)
	if err != nil {
		return nil, err
	}
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return l, nil
	}
	if g != nil {
		g.taken = true
	}
	opened := &Listener{TCPListener: tcp, sockets: s, address: address, closed: make(chan struct{})}
	s.open[opened] = g
	return opened, nil
}

func (s *Sockets) bind(g *given, network, address string) (net.Listener, error) {
	if g == nil {
		return net.Listen(network, address)
	}
	return net.FileListener(g.file)
}

// find returns the socket that was given for address and is not in use, nil when there is none.
func (s *Sockets) find(network, address string) *given {
	for _, g := range s.given {
		if !g.taken && g.Address == address {
			return g
		}
	}
	if len(s.given) == 0 {
		return nil
	}
	want, err := net.ResolveTCPAddr(network, address)
	if err != nil {
		return nil // opening says so
	}
	for _, g := range s.given {
		if !g.taken && g.is(want) {
			return g
		}
	}
	return nil
}

// Accept waits until the process may serve, then for a connection.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case <-l.sockets.gate:
	case <-l.closed:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.Addr(), Err: net.ErrClosed}
	}
	return l.TCPListener.Accept()
}

// Close closes the socket for this process. Other processes that have it go on.
func (l *Listener) Close() error {
	err := net.ErrClosed
	l.once.Do(func() {
		l.sockets.forget(l)
		close(l.closed)
		err = l.TCPListener.Close()
	})
	return err
}

func (s *Sockets) forget(l *Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.open[l]
	delete(s.open, l)
	if g == nil {
		return
	}
	if g.taken = false; !g.Kept {
		s.drop(g)
	}
}

// drop closes a socket that the process was given.
func (s *Sockets) drop(g *given) {
	_ = g.file.Close()
	for i := range s.given {
		if s.given[i] == g {
			s.given = append(s.given[:i:i], s.given[i+1:]...)
			return
		}
	}
}

// Settle is called when the first document is served: it tells which sockets nobody asked for, and closes them unless
// systemd has them open too. A later document may still ask for those.
func (s *Sockets) Settle() (idle []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range append([]*given(nil), s.given...) {
		if g.taken {
			continue
		}
		idle = append(idle, g.String())
		if !g.Kept {
			s.drop(g)
		}
	}
	return idle
}

// Begin lets connections in.
func (s *Sockets) Begin() {
	select {
	case <-s.gate:
	default:
		close(s.gate)
	}
}

// pack duplicates all sockets for a program to take over.
func (s *Sockets) pack() (list []*given, files []*os.File, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	add := func(g given, c syscall.Conn) {
		f, failed := duplicate(c)
		if failed != nil {
			err = errors.Join(err, failed)
			return
		}
		g.File = firstFile + len(files)
		list, files = append(list, &g), append(files, f)
	}
	for l, g := range s.open {
		to := given{Address: l.address}
		if g != nil && g.Kept {
			to.Name, to.Kept = g.Name, true
		}
		add(to, l.TCPListener)
	}
	for _, g := range s.given {
		if !g.taken {
			add(given{Name: g.Name, Kept: g.Kept}, g.file)
		}
	}
	if err != nil {
		closeAll(files)
	}
	return list, files, err
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// duplicate makes one more file of c's. It stays as it is: a socket that blocked would hold up its process.
func duplicate(c syscall.Conn) (*os.File, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	file, failed := -1, error(nil)
	if err := raw.Control(func(fd uintptr) { file, failed = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, failed
	}
	return os.NewFile(uintptr(file), "socket"), nil
}
