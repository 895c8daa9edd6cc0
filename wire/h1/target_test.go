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

	"sallyport/wire"
)

// rawTarget answers each request with the same bytes, and closes the connection behind them when they end in "\x00".
func rawTarget(t *testing.T, answer string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	answer, closes := strings.CutSuffix(answer, "\x00")
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				br := bufio.NewReader(c)
				for {
					r, err := http.ReadRequest(br)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, r.Body)
					if _, err := io.WriteString(c, answer); err != nil || closes {
						return
					}
				}
			}()
		}
	}()
	return ln.Addr().String()
}

func TestHostileTargets(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for _, c := range []struct{ name, answer, want string }{
		{"plain", ok + "Content-Length: 2\r\n\r\nhi", "200 hi"},
		{"no reason", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi", "200 hi"},
		{"own reason", "HTTP/1.1 200 Fine by me\r\nContent-Length: 2\r\n\r\nhi", "200 hi"},
		{"until close", ok + "\r\nhi\x00", "200 hi"},
		{"1.0 until close", "HTTP/1.0 200 OK\r\n\r\nhi\x00", "200 hi"},
		{"chunked", ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1;x\r\ni\r\n0\r\nX-T: 1\r\n\r\n", "200 hi"},
		{"interim", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + ok + "Content-Length: 2\r\n\r\nhi", "200 hi"},
		{"204 with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n", "204 "},
		{"304", "HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", "304 "},

		{"both framings", ok + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "502"},
		{"two lengths", ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", "502"},
		{"negative length", ok + "Content-Length: -5\r\n\r\nhello", "502"},
		{"other coding", ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "502"},
		{"1.0 chunked", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "502"},
		{"bare LF", "HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nhi", "502"},
		{"obs-fold", ok + "X: a\r\n b\r\nContent-Length: 2\r\n\r\nhi", "502"},
		{"control in a value", ok + "X: a\x01\r\nContent-Length: 2\r\n\r\nhi", "502"},
		{"space before the colon", ok + "Content-Length : 2\r\n\r\nhi", "502"},
		{"no status", "HTTP/1.1 OK\r\n\r\n\x00", "502"},
		{"status of two digits", "HTTP/1.1 20 OK\r\n\r\n\x00", "502"},
		{"status 999", "HTTP/1.1 999 No\r\n\r\n\x00", "502"},
		{"status 000", "HTTP/1.1 000 No\r\n\r\n\x00", "502"},
		{"other protocol", "SSH-2.0-OpenSSH\r\n\r\n\x00", "502"},
		{"HTTP/2", "HTTP/2.0 200 OK\r\n\r\n\x00", "502"},
		{"nothing", "\x00", "502"},
		{"half a head", ok + "X: y\x00", "502"},
		{"101 unasked", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", "502"},
		{"endless interim", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 50), "502"},
		{"huge head", ok + "X: " + strings.Repeat("a", 70000) + "\r\n\r\n", "502"},
		{"many fields", ok + strings.Repeat("X: a\r\n", 300) + "\r\n", "502"},

		{"short body", ok + "Content-Length: 10\r\n\r\nhi\x00", "200 cut"},
		{"short chunk", ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhe\x00", "200 cut"},
		{"no last chunk", ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n\x00", "200 cut"},
		{"bad chunk", ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\nzz\r\n", "200 cut"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, rawTarget(t, c.answer), Limits{})
			got := ask(t, l.addr)
			if got != c.want && !(len(c.want) == 3 && strings.HasPrefix(got, c.want)) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// ask makes a GET and tells status and body, "cut" when it stopped short.
func ask(t *testing.T, addr string) string {
	t.Helper()
	tr := &http.Transport{DisableCompression: true}
	defer tr.CloseIdleConnections()
	resp, err := (&http.Client{Transport: tr, Timeout: 5 * time.Second}).Get("http://" + addr + "/")
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.Status[:3] + " cut"
	}
	return resp.Status[:3] + " " + string(b)
}

// Bytes behind a response must never become the answer to the next request, whether they come at once or later.
func TestBytesBehindAResponse(t *testing.T) {
	for _, late := range []bool{false, true} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for n := 0; ; n++ {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					br := bufio.NewReader(c)
					for {
						if _, err := http.ReadRequest(br); err != nil {
							return
						}
						_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood")
						if late {
							time.Sleep(20 * time.Millisecond)
						}
						_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
					}
				}()
			}
		}()
		l := newLab(t, ln.Addr().String(), Limits{})
		for range 5 {
			if got := ask(t, l.addr); got != "200 good" {
				t.Errorf("late %v: got %q", late, got)
			}
			time.Sleep(40 * time.Millisecond)
		}
		_ = ln.Close()
	}
}

// A target that closes idle connections costs no request, not even one that may not be repeated.
func TestStaleConnections(t *testing.T) {
	target := rawTarget(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi\x00")
	l := newLab(t, target, Limits{})
	for i := range 20 {
		resp, err := http.Post("http://"+l.addr+"/", "text/plain", strings.NewReader("x"))
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("request %d: %v %v", i, resp, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		time.Sleep(5 * time.Millisecond)
	}
}

func TestExpectContinue(t *testing.T) {
	asked := make(chan bool, 10)
	target := httpTarget(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Header.Get("Expect") != ""
		if r.URL.Path == "/no" {
			w.WriteHeader(401)
			return
		}
		b, _ := io.ReadAll(r.Body)
		_, _ = w.Write(b)
	})
	l := newLab(t, target, Limits{})
	for path, want := range map[string]string{"/yes": "HTTP/1.1 100 Continue\r\n\r\n", "/no": "HTTP/1.1 401 "} {
		c, err := net.Dial("tcp", l.addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		_, _ = io.WriteString(c, "POST "+path+" HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n")
		first := make([]byte, len(want))
		if _, err := io.ReadFull(c, first); err != nil || string(first) != want {
			t.Errorf("%s: first %q, %v", path, first, err)
		}
		_, _ = io.WriteString(c, "hello")
		rest, _ := io.ReadAll(c)
		if path == "/yes" && !strings.HasSuffix(string(rest), "\r\n\r\nhello") {
			t.Errorf("then %q", rest)
		}
		if !<-asked {
			t.Errorf("%s: the target was not asked", path)
		}
		_ = c.Close()
	}
}

func TestInterimAndTrailers(t *testing.T) {
	target := httpTarget(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>")
		w.WriteHeader(103)
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.WriteString(w, "body")
		w.Header().Set("X-Sum", "42")
	})
	l := newLab(t, target, Limits{})
	with := talk(t, l.addr, "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE, close\r\n\r\n")
	if !strings.HasPrefix(with, "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n") || !strings.HasSuffix(with, "\r\n0\r\nX-Sum: 42\r\n\r\n") {
		t.Errorf("%q", with)
	}
	without := talk(t, l.addr, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	if !strings.HasSuffix(without, "\r\n0\r\n\r\n") {
		t.Errorf("a trailer that the client does not take: %q", without)
	}
	old := talk(t, l.addr, "GET / HTTP/1.0\r\nHost: a\r\n\r\n")
	if strings.Contains(old, "103") || !strings.HasSuffix(old, "\r\n\r\nbody") || strings.Contains(old, "chunked") {
		t.Errorf("to HTTP/1.0: %q", old)
	}
}

func TestTunnel(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		br := bufio.NewReader(c)
		r, err := http.ReadRequest(br)
		if err != nil || r.Header.Get("Upgrade") != "echo" || !strings.EqualFold(r.Header.Get("Connection"), "upgrade") {
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
			return
		}
		if br.Buffered() > 0 {
			_, _ = io.WriteString(c, "HTTP/1.1 500 early bytes\r\nContent-Length: 0\r\n\r\n")
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello,")
		_, _ = io.Copy(c, br)
		_, _ = io.WriteString(c, "bye")
	}()
	l := newLab(t, ln.Addr().String(), Limits{})
	c, err := net.Dial("tcp", l.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = io.WriteString(c, "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly ")
	time.Sleep(50 * time.Millisecond)
	_, _ = io.WriteString(c, "late")
	_ = c.(*net.TCPConn).CloseWrite()
	all, err := io.ReadAll(c)
	head, rest, _ := strings.Cut(string(all), "\r\n\r\n")
	if err != nil || !strings.HasPrefix(head, "HTTP/1.1 101 Switching Protocols") || !strings.Contains(head, "Upgrade: echo") || rest != "hello,early latebye" {
		t.Errorf("%q, %v", all, err)
	}
}

// A connection that turns out to be closed costs a long body nothing either: nobody has begun to read it.
func TestUploadOnAStaleConnection(t *testing.T) {
	body := strings.Repeat("0123456789abcdef", 20000)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			r, err := http.ReadRequest(bufio.NewReader(c))
			if err != nil {
				continue
			}
			b, err := io.ReadAll(r.Body)
			if r.Method == "POST" && (err != nil || string(b) != body) {
				_, _ = fmt.Fprintf(c, "HTTP/1.1 500 Got %d bytes\r\nContent-Length: 0\r\n\r\n", len(b))
			} else {
				_, _ = io.WriteString(c, hi)
			}
			_ = c.Close()
		}
	}()
	p := poolTo(t, ln.Addr().String())
	do := func(c *wire.Call) string {
		resp, err := p.Do(c)
		if err != nil {
			return err.Error()
		}
		defer resp.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		return fmt.Sprint(resp.Status, " ", resp.Reason)
	}
	for range 5 {
		if got := do(&wire.Call{Method: "GET", Target: "/", Host: "a"}); got != "200 OK" {
			t.Fatal(got)
		}
		time.Sleep(20 * time.Millisecond)
		got := do(&wire.Call{Method: "POST", Target: "/", Host: "a", Body: strings.NewReader(body), Length: int64(len(body))})
		if got != "200 OK" {
			t.Error(got)
		}
	}
}

// The client's connection is kept when its body was sent whole, however long it was.
func TestKeepAliveBehindAnUpload(t *testing.T) {
	target := httpTarget(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "hi")
	})
	l := newLab(t, target, Limits{})
	closed := 0
	for range 20 {
		resp, err := http.Post("http://"+l.addr+"/", "text/plain", strings.NewReader(strings.Repeat("x", 200000)))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.Close {
			closed++
		}
	}
	if closed > 5 { // it may be that the target is quicker to answer than the upload is to say that it is over
		t.Errorf("%d of 20 were closed", closed)
	}
}

// A client that takes no interim response is no fault of the target.
func TestInterimThatNobodyTakes(t *testing.T) {
	p := poolTo(t, rawTarget(t, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"+hi))
	r := &wire.Request{Conn: &wire.Conn{Inform: func(*wire.Response) error { return io.ErrClosedPipe }}}
	_, err := p.Do(&wire.Call{Method: "GET", Target: "/", Host: "a", Request: r})
	if failed, ok := err.(*wire.CallError); !ok || failed.Op != wire.OpRequest {
		t.Errorf("got %v", err)
	}
}
