package process

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// This file has one program take over from another without a connection being refused: the new one gets the listening sockets,
// says when it could serve, and begins when it is told to. Until then the old one serves, and goes on if the new one fails.

// A Program is how this process was started.
type Program struct {
	path string
	args []string
	dir  string
}

// Self notes how the process was started. It is to be called at the start: the file may be replaced by a newer one later on,
// which is what takes over then.
func Self() (Program, error) {
	path, err := exec.LookPath(os.Args[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return Program{}, fmt.Errorf("find the program's own file: %w", err)
	}
	dir, err := os.Getwd()
	return Program{path, slices.Clone(os.Args[1:]), dir}, err
}

// A Successor is a new program on its way.
type Successor struct {
	command *exec.Cmd
	ready   *os.File
	begin   *os.File
	ended   chan struct{} // closed when it has ended
	fate    error         // with what; set before ended is closed
}

// Start starts the program as it is on disk now and offers it the sockets.
func (p Program) Start(s *Sockets) (*Successor, error) {
	list, files, err := s.pack()
	if err != nil {
		return nil, fmt.Errorf("duplicate the listening sockets: %w", err)
	}
	defer func() { closeAll(files) }()
	ready, readyEnd, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	beginEnd, begin, err := os.Pipe()
	if err != nil {
		closeAll([]*os.File{ready, readyEnd})
		return nil, err
	}
	files = append(files, readyEnd, beginEnd)
	text, err := json.Marshal(parcel{list, firstFile + len(list), firstFile + len(list) + 1})
	if err != nil {
		closeAll([]*os.File{ready, begin})
		return nil, err
	}
	c := &exec.Cmd{
		Path: p.path, Args: append([]string{p.path}, p.args...), Dir: p.dir,
		Env:   append(handedOn(os.Environ()), handoverVariable+"="+string(text)),
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, ExtraFiles: files,
	}
	if err := c.Start(); err != nil {
		closeAll([]*os.File{ready, begin})
		return nil, fmt.Errorf("start %s: %w", p.path, err)
	}
	n := &Successor{command: c, ready: ready, begin: begin, ended: make(chan struct{})}
	go func() {
		n.fate = c.Wait()
		close(n.ended)
	}()
	return n, nil
}

// handedOn is the environment for the new program: that of this one, without what is meant for this process alone.
func handedOn(env []string) []string {
	return slices.DeleteFunc(env, func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return name == "WATCHDOG_PID" || name == handoverVariable || strings.HasPrefix(name, "LISTEN_")
	})
}

// PID is the number of the new process.
func (n *Successor) PID() int { return n.command.Process.Pid }

// readyWord is what the new program says when it could serve.
const readyWord = "ready"

// Await waits until the new program says that it could serve. When it ends instead, says something else, takes longer than limit
// or cancel is closed, it is ended, and there is an error.
func (n *Successor) Await(limit time.Duration, cancel <-chan struct{}) error {
	said := make(chan error, 1)
	go func() { said <- n.listen() }()
	late := time.NewTimer(limit)
	defer late.Stop()
	var err error
	select {
	case err = <-said:
		if err == nil {
			return nil
		}
	case <-late.C:
		err = fmt.Errorf("it was not ready within %v", limit)
	case <-cancel:
		err = errors.New("there is no need for it any more")
	}
	n.End()
	if n.fate != nil && !strings.Contains(n.fate.Error(), "signal: killed") {
		err = fmt.Errorf("%w: %w", err, n.fate)
	}
	return err
}

// End ends the new program, which has not begun.
func (n *Successor) End() {
	_ = n.command.Process.Kill()
	<-n.ended
	closeAll([]*os.File{n.ready, n.begin})
}

func (n *Successor) listen() error {
	word := make([]byte, len(readyWord))
	_, err := io.ReadFull(n.ready, word)
	switch {
	case err != nil:
		return errors.New("it ended before it was ready")
	case string(word) != readyWord:
		return errors.New("it is no program that can take over")
	}
	return nil
}

// Ended is an error when the new program has ended by now.
func (n *Successor) Ended() error {
	select {
	case <-n.ended:
		closeAll([]*os.File{n.ready, n.begin})
		return fmt.Errorf("it ended although it was ready: %w", cmp.Or(n.fate, errors.New("exit status 0")))
	default:
		return nil
	}
}

// Begin lets the new program serve, and tells it what it should know. From then on the sockets are its own.
func (n *Successor) Begin(known []byte) {
	_, _ = n.begin.Write(known) // it may have ended; nobody can tell for whom it is too late then
	closeAll([]*os.File{n.ready, n.begin})
}

// A Handover is what the new program has to do with the old one.
type Handover struct{ ready, begin *os.File }

// Ready says that this program could serve, and returns when it may, with what the old one told: that agrees, or is gone.
func (h *Handover) Ready() (known []byte) {
	_, _ = h.ready.WriteString(readyWord) // fails when nobody reads it: the old one is gone
	known, _ = io.ReadAll(h.begin)        // as far as it came
	closeAll([]*os.File{h.ready, h.begin})
	return known
}
