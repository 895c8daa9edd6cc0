package memnet

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// pair returns a connection through a network: the dialler's end and the listener's.
func pair(t *testing.T) (near, far *Conn) {
	t.Helper()
	var n Network
	l, err := n.Listen("shop:80")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := n.DialFrom(context.Background(), "shop:80", netip.MustParseAddrPort("203.0.113.9:99"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return c.(*Conn), f.(*Conn)
}

func TestAddresses(t *testing.T) {
	near, far := pair(t)
	if got := far.RemoteAddr().String(); got != "203.0.113.9:99" || near.LocalAddr().String() != got {
		t.Errorf("the listener sees %s, the dialler is %s", got, near.LocalAddr())
	}
}

func TestCloseLeavesWhatWasWritten(t *testing.T) {
	near, far := pair(t)
	_, _ = io.WriteString(near, "last words")
	if err := near.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(far); string(got) != "last words" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := far.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("writing to a closed end: %v", err)
	}
	if _, err := near.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("reading from a closed end: %v", err)
	}
	if err := near.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closing twice: %v", err)
	}
}

func TestHalfClose(t *testing.T) {
	near, far := pair(t)
	_, _ = io.WriteString(near, "question")
	_ = near.CloseWrite()
	if got, _ := io.ReadAll(far); string(got) != "question" {
		t.Errorf("got %q", got)
	}
	_, _ = io.WriteString(far, "answer")
	_ = far.Close()
	if got, err := io.ReadAll(near); string(got) != "answer" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestReset(t *testing.T) {
	near, far := pair(t)
	_, _ = io.WriteString(near, "lost")
	near.Reset()
	if _, err := far.Read(make([]byte, 9)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("reading: %v", err)
	}
	if _, err := far.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("writing: %v", err)
	}
}

func TestDeadlinesInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := pair(t)
		start := time.Now()
		_ = near.SetReadDeadline(start.Add(time.Hour))
		_, err := near.Read(make([]byte, 1))
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Hour {
			t.Errorf("a silent read ended after %v with %v", time.Since(start), err)
		}
		_ = near.SetWriteDeadline(start.Add(2 * time.Hour))
		n, err := io.Copy(near, strings.NewReader(strings.Repeat("x", 2*window)))
		if !errors.Is(err, os.ErrDeadlineExceeded) || n != window || time.Since(start) != 2*time.Hour {
			t.Errorf("a stuck write ended after %v and %d bytes with %v", time.Since(start), n, err)
		}
		_ = near.SetDeadline(time.Time{})
		go func() {
			time.Sleep(time.Minute)
			_ = near.Close()
		}()
		if got, err := io.ReadAll(far); len(got) != window || err != nil {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
	})
}

func TestADeadlineThatIsPutOffCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := pair(t)
		start := time.Now()
		_ = near.SetReadDeadline(start.Add(time.Minute))
		go func() {
			time.Sleep(time.Second)
			_ = near.SetReadDeadline(start.Add(time.Hour))
		}()
		_, err := near.Read(make([]byte, 1))
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Hour {
			t.Errorf("the read ended after %v with %v", time.Since(start), err)
		}
		_ = far.Close()
	})
}

func TestDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n Network
		if _, err := n.Dial(t.Context(), "nobody:80"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("dialling nobody: %v", err)
		}
		l, _ := n.Listen("shop:80")
		if _, err := n.Listen("shop:80"); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("listening twice: %v", err)
		}
		c, err := n.Dial(t.Context(), "shop:80")
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("a connection that was never accepted: %v", err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("accepting from a closed listener: %v", err)
		}
		again, _ := n.Listen("shop:80")
		again.(*Listener).Swallow()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		if _, err := n.Dial(ctx, "shop:80"); !errors.Is(err, syscall.ETIMEDOUT) || time.Since(start) != time.Minute {
			t.Errorf("dialling into a hole: %v after %v", err, time.Since(start))
		}
	})
}
