package process

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"sallyport/test/leak"
)

// asProgram makes the test's binary one of the programs that the tests start.
const asProgram = "SALLYPORT_TEST_PROGRAM"

func TestMain(m *testing.M) {
	switch what := os.Getenv(asProgram); what {
	case "":
		leak.Main(m)
	case "writer":
		writer(os.Args[1], os.Args[2])
	case "activated":
		activatedProgram()
	default:
		successor(what)
	}
}

// page is a content that shows whether it is whole.
func page(n int) []byte {
	return []byte(strings.Repeat(fmt.Sprintf("%08d\n", n), 4000))
}

// writer writes until it is killed.
func writer(name, how string) {
	for n := 0; ; n++ {
		var err error
		if how == "create" {
			if err = CreateFile(name, page(n)); err == nil {
				err = os.Remove(name)
			}
		} else {
			err = WriteFile(name, page(n))
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// successor is a program that takes over, or does not.
func successor(what string) {
	switch what {
	case "crash":
		panic("in the beginning")
	case "exit":
		os.Exit(0)
	case "hang":
		<-time.After(time.Minute)
	}
	s, h, odd := Inherit()
	if h == nil || len(odd) > 0 || os.Getenv(handoverVariable) != "" {
		fmt.Fprintln(os.Stderr, "nothing is handed over", odd)
		os.Exit(1)
	}
	if what == "die" {
		_, _ = h.ready.WriteString(readyWord)
		os.Exit(3)
	}
	if what == "babble" {
		_, _ = h.ready.WriteString("hello")
		<-time.After(time.Minute)
	}
	l, err := s.Listen("tcp", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	answered := make(chan bool)
	go func() {
		c, err := l.Accept()
		if err == nil {
			_, _ = io.WriteString(c, "new")
			_ = c.Close()
		}
		close(answered)
	}()
	if known := h.Ready(); string(known) != "known" {
		fmt.Fprintf(os.Stderr, "told %q\n", known)
		os.Exit(1)
	}
	idle := s.Settle()
	s.Begin()
	<-answered
	if len(idle) != 1 {
		fmt.Fprintln(os.Stderr, "idle sockets:", idle)
		os.Exit(1)
	}
}

// activatedProgram answers once on each socket that systemd would pass.
func activatedProgram() {
	// Whoever starts a program does not know its number before: only systemd, between fork and exec, does.
	_ = os.Setenv("LISTEN_PID", fmt.Sprint(os.Getpid()))
	s, h, odd := Inherit()
	if h != nil || os.Getenv("LISTEN_FDS") != "" {
		os.Exit(3)
	}
	fmt.Println(strings.Join(odd, "; "))
	for range 2 { // a socket that was closed can be had again
		l, err := s.Listen("tcp", os.Args[1])
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		answer(l)
		if err := l.Close(); err != nil {
			os.Exit(4)
		}
	}
	fmt.Println(strings.Join(s.Settle(), "; "))
	os.Exit(0)
}

func answer(l net.Listener) {
	c, err := l.Accept()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	_, _ = io.WriteString(c, "activated")
	_ = c.Close()
}
