package function

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os/exec"
	"sync"
	"time"
)

// This file starts processes on this machine. Each gets a server of its own on loopback to speak the Runtime API with, at which nobody but
// it is heard.

// A Host starts processes.
type Host interface {
	Start(s *Start) (Process, error)
	// Close is called once after the last process has ended.
	Close()
}

// A Start is all that a process is to be.
type Start struct {
	Name    string
	Config  *Config
	Command []string
	Env     []string     // but where the Runtime API is
	API     http.Handler // the Runtime API
	Output  func(stream, line string)
}

// A Process is one that runs. All but Wait may be called at any time, also after its end.
type Process interface {
	Wait() error
	// End asks it to end, and kills it a while later.
	End()
	// Kill ends it and what it started at once.
	Kill()
	// Memory is what it holds, 0 when nobody can tell.
	Memory() int64
}

// A machine is this one.
type machine struct {
	log     *slog.Logger
	once    sync.Once
	starter *starter
}

// Close ends what starts processes.
func (m *machine) Close() {
	m.once.Do(func() {})
	if m.starter != nil {
		m.starter.close()
	}
}

// grace is how long a process may take to end when it is asked to, and its output to end once it has.
const grace = 2 * time.Second

// Start starts a process.
func (m *machine) Start(s *Start) (Process, error) {
	m.once.Do(func() { m.starter = newStarter() })
	if m.starter == nil {
		return nil, ErrClosed
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the function's process: %w", err)
	}
	p := &process{
		cmd: exec.Command(s.Command[0], s.Command[1:]...), server: &http.Server{Handler: s.API, ErrorLog: slog.NewLogLogger(m.log.Handler(), slog.LevelWarn)},
		out: &lines{stream: "stdout", tell: s.Output}, err: &lines{stream: "stderr", tell: s.Output},
	}
	p.cmd.Dir, p.cmd.Env = s.Config.Directory.Path, append(s.Env, "AWS_LAMBDA_RUNTIME_API="+l.Addr().String())
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.WaitDelay = p.out, p.err, grace
	p.cmd.SysProcAttr = apart()
	if err := m.starter.start(p.cmd); err != nil {
		_ = l.Close()
		return nil, err
	}
	p.served = make(chan struct{})
	go func() { // Wait waits for it
		defer close(p.served)
		_ = p.server.Serve(&ours{Listener: l, log: m.log, pid: p.cmd.Process.Pid})
	}()
	return p, nil
}

// A process is one of this machine.
type process struct {
	cmd      *exec.Cmd
	server   *http.Server
	served   chan struct{}
	out, err *lines

	mu    sync.Mutex  // guards what follows
	ended bool        // its number may be another's
	timer *time.Timer // that kills it, nil while nobody asked it to end
}

// Wait waits for its end, and ends what is left of what it started.
func (p *process) Wait() error {
	awaitExit(p.cmd.Process.Pid)
	p.mu.Lock()
	p.signal(killed) // before its number can be another's
	p.ended = true
	if p.timer != nil {
		p.timer.Stop()
	}
	p.mu.Unlock()
	err := p.cmd.Wait()
	reap(p.cmd.Process.Pid)
	p.out.flush()
	p.err.flush()
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if p.server.Shutdown(ctx) != nil { // what it said last is still heard
		_ = p.server.Close()
	}
	<-p.served
	return err
}

// End asks the process to end.
func (p *process) End() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || p.timer != nil {
		return
	}
	p.signal(asked)
	p.timer = time.AfterFunc(grace, p.Kill)
}

// Kill kills it.
func (p *process) Kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.signal(killed)
	}
}

// Memory is what the process itself holds, without what it started.
func (p *process) Memory() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return 0
	}
	return resident(p.cmd.Process.Pid)
}

// maxLine bounds a line of output; a longer one is several.
const maxLine = 16 << 10

// A lines makes lines of what is written.
type lines struct {
	stream string
	tell   func(stream, line string)
	rest   []byte
}

// Write implements io.Writer.
func (l *lines) Write(b []byte) (int, error) {
	l.rest = append(l.rest, b...)
	for {
		i := bytes.IndexByte(l.rest, '\n')
		if i < 0 && len(l.rest) < maxLine {
			return len(b), nil
		}
		if i < 0 || i > maxLine {
			i = maxLine - 1
			l.say(l.rest[:i+1])
		} else {
			l.say(l.rest[:i])
		}
		l.rest = l.rest[i+1:]
	}
}

func (l *lines) say(line []byte) {
	if line = bytes.TrimRight(line, "\r"); len(line) > 0 {
		l.tell(l.stream, string(line))
	}
}

// flush tells of what no end of line follows.
func (l *lines) flush() {
	l.say(l.rest)
	l.rest = nil
}

// An ours is a listener that only a process and what it started gets through.
type ours struct {
	net.Listener
	log *slog.Logger
	pid int
}

// Accept implements net.Listener.
func (o *ours) Accept() (net.Conn, error) {
	for {
		c, err := o.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if heard(c, o.pid) {
			return c, nil
		}
		o.log.Warn("somebody else than a function's process connected to its Runtime API", "peer", c.RemoteAddr().String())
		_ = c.Close()
	}
}
