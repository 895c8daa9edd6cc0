package h1

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/wire"
)

// Many clients and targets that behave well, badly and at once: every answer must be that to its request, whole or visibly cut, every
// upload must arrive as it was sent, and at the end nothing may be left open.
//
// A request says in its path what it wants: /ID/BEHAVIOUR/SIZE. Bodies are made of the ID.
func TestStorm(t *testing.T) {
	for name, wrap := range map[string]func(net.Conn) net.Conn{
		"plain":        func(c net.Conn) net.Conn { return c },
		"as if in TLS": func(c net.Conn) net.Conn { return struct{ net.Conn }{c} },
	} {
		t.Run(name, func(t *testing.T) {
			w := &weather{t: t}
			target := listen(t, func(c net.Conn) { w.target(c) })
			p := NewPool(PoolOptions{MaxConns: 12, Dial: func(time.Time) (net.Conn, error) { return net.Dial("tcp", target) }})
			s := &Server{Handler: &relay{pool: p}, Limits: Limits{BodyIdle: 5 * time.Second}}
			addr := front(t, listen(t, func(c net.Conn) { take(s, wrap(c)) }))
			var clients sync.WaitGroup
			end := time.Now().Add(time.Second)
			for i := range 16 {
				clients.Go(func() {
					for n := 0; time.Now().Before(end) || w.whole.Load() < 20 && n < 20; n++ {
						w.client(addr, fmt.Sprintf("%d-%d", i, n))
					}
				})
			}
			clients.Wait()
			s.Drain()
			if !s.Wait(10 * time.Second) {
				t.Error("connections did not end")
				s.Close()
			}
			if st := p.Stats(); st.Open != st.Idle || st.Waiting != 0 {
				t.Errorf("%+v", st)
			}
			p.Close()
			if st := p.Stats(); st != (wire.PoolStats{}) {
				t.Errorf("closed: %+v", st)
			}
			if w.whole.Load() < 20 {
				t.Errorf("%d answers came", w.whole.Load())
			}
		})
	}
}

type weather struct {
	t     *testing.T
	whole atomic.Int64 // answers that were right
}

// listen serves every connection to the address that it returns.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return ln.Addr().String()
}

func filled(id string, n int) []byte { return bytes.Repeat([]byte(id+"."), n/(len(id)+1)+1)[:n] }

func nap(most int) { time.Sleep(time.Duration(rand.IntN(most)) * time.Millisecond) }

// pieces cuts b into pieces of up to most bytes.
func pieces(b []byte, most int) (out [][]byte) {
	for len(b) > 0 {
		n := min(len(b), 1+rand.IntN(most))
		out, b = append(out, b[:n]), b[n:]
	}
	return out
}

func inChunks(b []byte) []byte {
	var out bytes.Buffer
	for _, p := range pieces(b, 30_000) {
		_, _ = fmt.Fprintf(&out, "%x\r\n%s\r\n", len(p), p)
	}
	return append(out.Bytes(), "0\r\n\r\n"...)
}

func (w *weather) target(c net.Conn) {
	defer c.Close()
	br := bufio.NewReader(c)
	for {
		r, err := http.ReadRequest(br)
		if err != nil || !w.answer(c, r) {
			return
		}
	}
}

var behaviours = []string{"plain", "plain", "slow", "chunked", "early", "interim", "closes", "until", "cut", "reset", "extra"}

// answer behaves, and says whether the connection lives.
func (w *weather) answer(c net.Conn, r *http.Request) (lives bool) {
	path := strings.Split(r.URL.Path, "/")
	id, behaviour := path[1], path[2]
	size, _ := strconv.Atoi(path[3])
	body := filled(id, size)
	head := "HTTP/1.1 200 OK\r\nX-Id: " + id + "\r\n"
	lengthy := fmt.Sprintf("%sContent-Length: %d\r\n\r\n", head, size)
	hint := "HTTP/1.1 103 Early Hints\r\nX-Id: " + id + "\r\n\r\n"
	say := func(s string, b []byte) { _, _ = c.Write(append([]byte(s), b...)) }
	switch behaviour {
	case "early":
		if say(lengthy, body); rand.IntN(2) == 0 {
			nap(20)
			return false
		}
	case "interim":
		say(hint+"HTTP/1.1 100 Continue\r\n\r\n", nil)
	case "reset":
		nap(30)
		_ = c.(*net.TCPConn).SetLinger(0)
		return false
	}
	up, err := io.ReadAll(r.Body)
	if err != nil {
		return false
	}
	if n, _ := strconv.Atoi(r.Header.Get("X-Up")); !bytes.Equal(up, filled("up"+id, n)) {
		w.t.Errorf("upload %s: %d bytes of %d", id, len(up), n)
	}
	switch behaviour {
	case "early":
	case "interim":
		say(hint+lengthy, body)
	case "slow":
		nap(400)
		say(lengthy, nil)
		for _, p := range pieces(body, 60_000) {
			say("", p)
			nap(5)
		}
	case "chunked":
		say(head+"Transfer-Encoding: chunked\r\n\r\n", inChunks(body))
	case "until":
		say(head+"\r\n", body)
		return false
	case "cut":
		say(fmt.Sprintf("%sContent-Length: %d\r\n\r\n", head, size+1), body)
		return false
	case "extra":
		say(lengthy, append(body, "HTTP/1.1 200 OK\r\nX-Id: nobody\r\nContent-Length: 0\r\n\r\n"...))
		return false
	default:
		say(lengthy, body)
	}
	return behaviour != "closes"
}

// A wanted answer.
type wanted struct {
	id, behaviour string
	size          int
}

// client makes some requests on one connection, often without waiting for the answers, and now and then goes away.
func (w *weather) client(addr, id string) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		w.t.Error(err)
		return
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	leaves := rand.IntN(10) == 0
	wants := make(chan wanted, 5)
	go func() {
		defer close(wants)
		for i := range 1 + rand.IntN(cap(wants)) {
			if !w.ask(c, fmt.Sprint(id, "-", i), wants, leaves) {
				return
			}
		}
	}()
	br := bufio.NewReader(c)
	for q := range wants {
		if !w.take(br, q, leaves) {
			return
		}
	}
}

// ask makes a request and says whether there may be another.
func (w *weather) ask(c net.Conn, id string, wants chan<- wanted, leaves bool) bool {
	sizes := []int{0, 1, 100, 5000, 17_000, 40_000, 100_000, 300_000}
	q := wanted{id, behaviours[rand.IntN(len(behaviours))], sizes[rand.IntN(len(sizes))]}
	n := sizes[rand.IntN(len(sizes))]
	head := fmt.Sprintf("PUT /%s/%s/%d HTTP/1.1\r\nHost: a\r\nX-Up: %d\r\n", id, q.behaviour, q.size, n)
	body := filled("up"+id, n)
	if rand.IntN(3) == 0 {
		head, body = head+"Transfer-Encoding: chunked\r\n", inChunks(body)
	} else {
		head += fmt.Sprintf("Content-Length: %d\r\n", n)
	}
	wants <- q
	if rand.IntN(4) == 0 {
		_, _ = io.WriteString(c, head+"Expect: 100-continue\r\n\r\n")
		nap(30)
	} else {
		body = append([]byte(head+"\r\n"), body...)
	}
	if leaves && rand.IntN(3) == 0 {
		_, _ = c.Write(body[:rand.IntN(len(body)+1)])
		nap(400)
		_ = c.Close()
		return false
	}
	for _, p := range pieces(body, 50_000) {
		if _, err := c.Write(p); err != nil {
			return false
		}
		if rand.IntN(5) == 0 {
			nap(10)
		}
	}
	nap(1 + rand.IntN(50))
	return true
}

// take reads an answer and says whether there may be another.
func (w *weather) take(br *bufio.Reader, q wanted, leaves bool) bool {
	for {
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			return false
		}
		body, err := io.ReadAll(resp.Body)
		switch id := resp.Header.Get("X-Id"); {
		case resp.StatusCode == 100:
			continue
		case resp.StatusCode == 400 && !leaves:
			w.t.Errorf("%+v: the client is blamed: %s", q, body)
		case resp.StatusCode >= 400:
		case id != q.id:
			w.t.Errorf("%+v: got the answer to %s", q, id)
			return false
		case resp.StatusCode == 103:
			continue
		case err == nil && (q.behaviour == "cut" || !bytes.Equal(body, filled(q.id, q.size))):
			w.t.Errorf("%+v: got %d bytes", q, len(body))
			return false
		case err != nil && q.behaviour != "cut" && q.behaviour != "early" && !leaves:
			w.t.Errorf("%+v: %v behind %d bytes", q, err, len(body))
			return false
		case err == nil:
			w.whole.Add(1)
		}
		return err == nil && !resp.Close
	}
}
