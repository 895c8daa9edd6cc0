package socket

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	mrand "math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"sallyport/test/selfsigned"
)

func config(t testing.TB) *tls.Config {
	t.Helper()
	c, err := selfsigned.Config("gateway.test")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// pair returns both ends of a TLS connection over TCP: ours, which is the server, and that of crypto/tls.
func pair(t testing.TB, version uint16) (*Secure, *tls.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(); _ = server.Close() })
	s := Server(server, config(t))
	c := tls.Client(client, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
	failed := make(chan error, 1)
	go func() { failed <- s.Handshake(time.Now().Add(5 * time.Second)) }()
	if err := errors.Join(c.Handshake(), <-failed); err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return s, c
}

// What is sent in pieces of any size is read whole, with and without waiting for it first, into buffers of any size.
func TestBothWays(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		s, c := pair(t, version)
		want := make([]byte, 3<<20)
		_, _ = rand.Read(want)
		var both sync.WaitGroup
		both.Go(func() {
			for p := want; len(p) > 0; {
				n := min(len(p), 1+mrand.IntN(40_000))
				if _, err := c.Write(p[:n]); err != nil {
					t.Error(err)
					return
				}
				p = p[n:]
			}
		})
		both.Go(func() {
			for p := want; len(p) > 0; {
				n := min(len(p), 1+mrand.IntN(200_000))
				if m, err := s.Write(p[:n]); m != n || err != nil {
					t.Error(m, err)
					return
				}
				p = p[n:]
			}
		})
		both.Go(func() {
			got := make([]byte, len(want))
			if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
				t.Errorf("the client got something else (%v)", err)
			}
		})
		var got []byte
		for b := make([]byte, 64<<10); len(got) < len(want); {
			if mrand.IntN(3) > 0 {
				if err := s.Await(); err != nil {
					t.Fatal(err)
				}
			}
			n, err := s.Read(b[:1+mrand.IntN(len(b))])
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, b[:n]...)
		}
		both.Wait()
		if !bytes.Equal(got, want) {
			t.Error("the server got something else")
		}
		// Nothing is left, so waiting waits.
		_ = s.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		if err := s.Await(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("waiting for nothing: %v", err)
		}
		_ = s.SetReadDeadline(time.Time{})
		_, _ = c.Write([]byte("on"))
		if err := s.Await(); err != nil {
			t.Error(err)
		}
		b := make([]byte, 9)
		if n, err := s.Read(b); string(b[:n]) != "on" || err != nil {
			t.Errorf("after a deadline: %q, %v", b[:n], err)
		}
	}
}

// All records of one write leave in one piece, and a deadline that passes in the middle of one does not break TLS.
func TestFlushInParts(t *testing.T) {
	s, c := pair(t, tls.VersionTLS13)
	sent := 0
	for {
		if err := s.Seal(make([]byte, Part)); err != nil {
			t.Fatal(err)
		}
		sent += Part
		_ = s.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
		_, err := s.Flush()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan int64, 1)
	go func() {
		n, _ := io.Copy(io.Discard, c)
		done <- n
	}()
	_ = s.SetWriteDeadline(time.Now().Add(5 * time.Second))
	for _, p := range [][]byte{nil, []byte("and more")} {
		if err := s.Seal(p); err != nil {
			t.Fatal(err)
		}
		sent += len(p)
		for { // what was under way, and what came to it
			n, err := s.Flush()
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				break
			}
		}
	}
	_ = s.Close()
	if got := <-done; got != int64(sent) {
		t.Errorf("%d bytes came, want %d", got, sent)
	}
}

func TestGoodbye(t *testing.T) {
	s, c := pair(t, tls.VersionTLS13)
	if _, err := c.Write([]byte("question")); err != nil {
		t.Fatal(err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 99)
	n, _ := s.Read(b)
	if string(b[:n]) != "question" {
		t.Errorf("got %q", b[:n])
	}
	if err := s.Await(); err != nil {
		t.Error(err)
	}
	if n, err := s.Read(b); n != 0 || err != io.EOF {
		t.Errorf("after the goodbye: %d, %v", n, err)
	}
	if _, err := s.Write([]byte("answer")); err != nil {
		t.Error(err)
	}
	if err := s.CloseWrite(); err != nil {
		t.Error(err)
	}
	if got, err := io.ReadAll(c); string(got) != "answer" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	// Who does not say goodbye is cut off.
	s, c = pair(t, tls.VersionTLS13)
	_ = s.NetConn().Close()
	if _, err := c.Read(b); err == nil {
		t.Error("no end")
	}
}

// What TLS answers of its own accord while nothing is sent does not heap up, as when a client asks for new keys again and again.
func TestAnswersDoNotHeapUp(t *testing.T) {
	s, _ := pair(t, tls.VersionTLS13)
	answer := make([]byte, 27) // a KeyUpdate
	for n := 0; ; n += len(answer) {
		if _, err := (*below)(s).Write(answer); err != nil {
			if n < Part {
				t.Errorf("%v after %d bytes", err, n)
			}
			return
		}
		if n > 1<<20 {
			t.Fatalf("%d bytes wait", len(s.out))
		}
	}
}

func TestHandshakeTime(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	begun := time.Now()
	err := Server(near, config(t)).Handshake(begun.Add(30 * time.Millisecond))
	if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begun) > time.Second {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
}

func TestRecords(t *testing.T) {
	three := []byte("\x17\x03\x03\x00\x02ab" + "\x17\x03\x03\x00\x00" + "\x17\x03\x03\x01\x00" + string(make([]byte, 256)))
	for step := 1; step < len(three); step++ {
		var r records
		for p := three; len(p) > 0; {
			n := min(step, len(p))
			r.pass(p[:n])
			p = p[n:]
		}
		if r.whole != 3 || r.left != 0 || r.have != 0 {
			t.Fatalf("in steps of %d: %+v", step, r)
		}
	}
}
