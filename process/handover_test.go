package process

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// program is one that the test's binary is.
func program(t *testing.T, what string, args ...string) Program {
	t.Helper()
	t.Setenv(asProgram, what)
	p, err := Self()
	if err != nil {
		t.Fatal(err)
	}
	p.args = args
	return p
}

// A program that is ready gets the socket and begins when it may; one that comes to nothing changes nothing.
func TestHandOver(t *testing.T) {
	for _, c := range []struct {
		what, wrong string
	}{
		{"good", ""},
		{"crash", "ended before it was ready: exit status 2"},
		{"exit", "ended before it was ready"},
		{"hang", "was not ready within"},
		{"babble", "no program that can take over"},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := NewSockets()
			l, err := s.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			other, err := s.Listen("tcp", "127.0.0.2:0") // which the new program does not want
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			at := l.Addr().String()
			next, err := program(t, c.what, "127.0.0.1:0").Start(s)
			if err != nil {
				t.Fatal(err)
			}
			limit := 20 * time.Second
			if c.what == "hang" {
				limit = 300 * time.Millisecond
			}
			err = next.Await(limit, nil)
			if c.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), c.wrong) {
					t.Errorf("got %v, want %s", err, c.wrong)
				}
				serves(t, l, at)
				_ = l.Close()
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			serves(t, l, at) // until it is told to begin, nobody else accepts
			next.Begin([]byte("known"))
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if got := hear(t, at); got != "new" {
				t.Errorf("got %q", got)
			}
			if <-next.ended; next.fate != nil {
				t.Errorf("the new program: %v", next.fate)
			}
			if c, err := net.Dial("tcp", at); err == nil {
				_ = c.Close()
				t.Error("the socket is open although nobody has it")
			}
		})
	}
}

// serves checks that connections come out of l.
func serves(t *testing.T, l net.Listener, at string) {
	t.Helper()
	got := make(chan string, 1)
	go func() { got <- hear(t, at) }()
	_ = l.(*Listener).SetDeadline(time.Now().Add(5 * time.Second))
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(c, "old")
	_ = c.Close()
	if text := <-got; text != "old" {
		t.Errorf("got %q", text)
	}
}

func hear(t *testing.T, at string) string {
	t.Helper()
	c, err := net.DialTimeout("tcp", at, 5*time.Second)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	b, err := io.ReadAll(c)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// A program that ends after it said that it is ready is found out before it may begin.
func TestHandOverToOneThatEnds(t *testing.T) {
	next, err := program(t, "die", "127.0.0.1:0").Start(NewSockets())
	if err != nil {
		t.Fatal(err)
	}
	if err := next.Await(20*time.Second, nil); err != nil {
		t.Fatal(err)
	}
	<-next.ended
	if err := next.Ended(); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v", err)
	}
}

// An upgrade that is not wanted any more is ended.
func TestHandOverIsCancelled(t *testing.T) {
	next, err := program(t, "hang").Start(NewSockets())
	if err != nil {
		t.Fatal(err)
	}
	cancel := make(chan struct{})
	close(cancel)
	if err := next.Await(time.Minute, cancel); err == nil {
		t.Error("want an error")
	}
	if <-next.ended; next.fate == nil {
		t.Error("it is not ended")
	}
}

// A file that is no program, or gone, is an error at once.
func TestHandOverToNothing(t *testing.T) {
	p := program(t, "good")
	p.path += ".gone"
	if _, err := p.Start(NewSockets()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// A listener that may not accept yet can be closed.
func TestCloseBeforeBegin(t *testing.T) {
	s := NewSockets()
	s.gate = make(chan struct{})
	l, err := s.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := l.Accept()
		ended <- err
	}()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if err := l.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed twice: got %v", err)
	}
}

// Sockets of systemd are matched by address, can be closed and had again, and those left over are told of.
func TestSocketActivation(t *testing.T) {
	var files []*os.File
	var address []string
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		f, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		address = append(address, l.Addr().String())
		files = append(files, f)
		_ = l.Close()
	}
	notListening, _, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(os.Args[0], address[1])
	c.ExtraFiles = append(files, notListening)
	c.Env = append(os.Environ(), asProgram+"=activated", "LISTEN_FDS=3", "LISTEN_FDNAMES=web:spare:odd")
	var out strings.Builder
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := hear(t, address[1]); got != "activated" {
			t.Errorf("got %q", got)
		}
	}
	if err := c.Wait(); err != nil {
		t.Errorf("%v: %s", err, out.String())
	}
	for _, want := range []string{"the file 5 odd is no listening socket", address[0] + " (web)", address[1] + " (spare)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is not in %s", want, out.String())
		}
	}
	closeAll(append(files, notListening))
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		local, want string
		is          bool
	}{
		{"0.0.0.0:80", ":80", true},
		{"[::]:80", ":80", true},
		{"[::]:80", "0.0.0.0:80", true},
		{"127.0.0.1:80", "127.0.0.1:80", true},
		{"127.0.0.1:80", "localhost:80", true},
		{"127.0.0.1:80", ":80", false},
		{"0.0.0.0:80", "127.0.0.1:80", false},
		{"127.0.0.1:80", "127.0.0.1:81", false},
		{"127.0.0.1:80", "127.0.0.1:0", false},
		{"[::1]:80", "[::1]:80", true},
	} {
		local, err := net.ResolveTCPAddr("tcp", c.local)
		if err != nil {
			t.Fatal(err)
		}
		want, err := net.ResolveTCPAddr("tcp4", c.want)
		if err != nil {
			want, _ = net.ResolveTCPAddr("tcp", c.want)
		}
		if got := (&given{local: local}).is(want); got != c.is {
			t.Errorf("%s for %s: got %v", c.local, c.want, got)
		}
	}
}
