package h1

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The deadline of the read before does not end the watching of a client.
func TestClientGoneLater(t *testing.T) {
	ended := make(chan time.Time, 1)
	target := httpTarget(t, func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		ended <- time.Now()
	})
	l := newLab(t, target, Limits{HeadTime: 300 * time.Millisecond})
	c, err := net.Dial("tcp", l.addr)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	time.Sleep(patience + 500*time.Millisecond)
	gone := time.Now()
	_ = c.Close()
	select {
	case at := <-ended:
		if d := at.Sub(gone); d > 500*time.Millisecond {
			t.Errorf("the call ended %v after its client", d)
		}
	case <-time.After(3 * time.Second):
		t.Error("the call went on")
	}
}

// While a target thinks about an Expect its client is watched; who reads the body has the client for itself.
func TestWatchEndsForTheBody(t *testing.T) {
	for _, thinks := range []time.Duration{900 * time.Millisecond, 3 * time.Second} {
		inBubble(t, Limits{}, func(c net.Conn) {
			defer c.Close()
			r, err := http.ReadRequest(bufio.NewReader(c))
			if err != nil {
				return
			}
			time.Sleep(thinks)
			_, _ = io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n")
			b, _ := io.ReadAll(r.Body)
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(b), b)
		}, func(b *bubble) {
			b.say("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 10\r\nConnection: close\r\n\r\n")
			_, _ = io.ReadFull(b.client, make([]byte, len(continueLine)))
			b.say("hello")
			time.Sleep(time.Second)
			b.say("world")
			if got, took := b.all(); !strings.HasSuffix(got, "helloworld") {
				t.Errorf("%v: %q after %v", thinks, got, took)
			}
		})
	}
}

// A tunnel has the client for itself, and what is sent early belongs to it.
func TestWatchEndsForATunnel(t *testing.T) {
	for _, early := range []string{"", "zero "} {
		inBubble(t, Limits{}, func(c net.Conn) {
			defer c.Close()
			br := bufio.NewReader(c)
			if _, err := http.ReadRequest(br); err != nil {
				return
			}
			time.Sleep(2 * time.Second)
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
			_, _ = io.Copy(c, br)
		}, func(b *bubble) {
			b.say("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo, other\r\n\r\n")
			time.Sleep(time.Second)
			b.say(early)
			for _, word := range []string{"one ", "two ", "three"} {
				time.Sleep(time.Second)
				b.say(word)
			}
			time.Sleep(time.Second)
			_ = b.client.CloseWrite()
			got, took := b.all()
			if !strings.HasSuffix(got, "\r\n\r\n"+early+"one two three") || !strings.Contains(got, "Upgrade: echo\r\n") {
				t.Errorf("%q after %v", got, took)
			}
		})
	}
}
