package gateway

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/test/selfsigned"
)

// newPair makes a certificate and its key for api.example.com.
func newPair(t testing.TB) (certificate, key []byte) {
	t.Helper()
	certificate, key, err := selfsigned.PEM(24*time.Hour, "api.example.com")
	if err != nil {
		t.Fatal(err)
	}
	return certificate, key
}

func put(t testing.TB, file string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// replace puts a file in the place of another at once.
func replace(t testing.TB, file string, data []byte) {
	t.Helper()
	put(t, file+".new", data)
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

const secureDocument = `listeners: [{ address: "127.0.0.1:0", tls: { certificates: [{ cert_file: %s, key_file: %s }] } }]
admin: { address: off }
routes: [{ match: /, respond: { body: hi } }]
`

func trusting(certificate []byte) *tls.Config {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certificate)
	return &tls.Config{RootCAs: pool, ServerName: "api.example.com"}
}

// A knocker makes handshakes without end, and counts those that fail.
type knocker struct {
	done, failed atomic.Int64
	stop         chan struct{}
	work         sync.WaitGroup
}

func knock(address string) *knocker {
	k := &knocker{stop: make(chan struct{})}
	k.work.Go(func() {
		for {
			select {
			case <-k.stop:
				return
			default:
			}
			c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
			if k.done.Add(1); err != nil {
				k.failed.Add(1)
				continue
			}
			_ = c.Close()
			time.Sleep(time.Millisecond)
		}
	})
	return k
}

// New handshakes have the new certificate within a second of its files changing, however they change; none fails meanwhile, and connections
// live on. A pair that does not fit, such as one half of a new one, changes nothing and is told of.
func TestCertificatesChange(t *testing.T) {
	type files struct{ folder, cert, key string }
	for name, change := range map[string]func(f files, cert, key []byte){
		"in place": func(f files, cert, key []byte) {
			put(t, filepath.Join(f.folder, f.cert), cert)
			put(t, filepath.Join(f.folder, f.key), key)
		},
		"one after the other": func(f files, cert, key []byte) {
			replace(t, filepath.Join(f.folder, f.cert), cert)
			time.Sleep(300 * time.Millisecond)
			put(t, filepath.Join(f.folder, f.key), key[:len(key)/2])
			time.Sleep(300 * time.Millisecond)
			put(t, filepath.Join(f.folder, f.key), key)
		},
		"as Kubernetes does": func(f files, cert, key []byte) {
			dir := filepath.Join(f.folder, "..new")
			_ = os.Mkdir(dir, 0o700)
			put(t, filepath.Join(dir, "tls.crt"), cert)
			put(t, filepath.Join(dir, "tls.key"), key)
			if err := errors.Join(os.Symlink("..new", filepath.Join(f.folder, "..tmp")), os.Rename(filepath.Join(f.folder, "..tmp"), filepath.Join(f.folder, "..data"))); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := files{t.TempDir(), "tls.crt", "tls.key"}
			cert, key := newPair(t)
			if name == "as Kubernetes does" {
				old := filepath.Join(f.folder, "..old")
				if err := errors.Join(os.Mkdir(old, 0o700), os.Symlink("..old", filepath.Join(f.folder, "..data")),
					os.Symlink("..data/tls.crt", filepath.Join(f.folder, f.cert)), os.Symlink("..data/tls.key", filepath.Join(f.folder, f.key))); err != nil {
					t.Fatal(err)
				}
			}
			put(t, filepath.Join(f.folder, f.cert), cert)
			put(t, filepath.Join(f.folder, f.key), key)
			document := filepath.Join(t.TempDir(), "sallyport.yaml")
			put(t, document, fmt.Appendf(nil, secureDocument, filepath.Join(f.folder, f.cert), filepath.Join(f.folder, f.key)))
			p := newProcess(t, document, Options{})
			before, err := tls.Dial("tcp", p.at, trusting(cert))
			if err != nil {
				t.Fatal(err)
			}
			defer before.Close()
			r := bufio.NewReader(before)
			talk(t, before, r, get("/"))
			k := knock(p.at)

			cert, key = newPair(t)
			change(f, cert, key)
			changed := time.Now()
			for {
				c, err := tls.Dial("tcp", p.at, trusting(cert))
				if err == nil {
					_ = c.Close()
					break
				}
				if time.Since(changed) > 3*time.Second {
					t.Fatalf("not after %v: %v", time.Since(changed), err)
				}
				time.Sleep(5 * time.Millisecond)
			}
			if took := time.Since(changed); took > time.Second {
				t.Errorf("the new certificate came after %v", took)
			}
			if resp, _ := talk(t, before, r, get("/")); resp.StatusCode != 200 {
				t.Error("a connection from before is broken")
			}
			if name == "one after the other" {
				p.said(t, "the new configuration is refused")
			}
			close(k.stop)
			k.work.Wait()
			if k.failed.Load() > 0 || k.done.Load() < 3 {
				t.Errorf("%d of %d handshakes failed", k.failed.Load(), k.done.Load())
			}
			// What is no pair changes nothing.
			other, _ := newPair(t)
			put(t, filepath.Join(f.folder, f.cert), other)
			if line := p.said(t, "the key does not belong to the certificate"); strings.Contains(line, "PRIVATE") {
				t.Errorf("the log has %s", line)
			}
			c, err := tls.Dial("tcp", p.at, trusting(cert))
			if err != nil {
				t.Fatal(err)
			}
			_ = c.Close()
		})
	}
}

// secureWorld is a gateway in a bubble whose listener :80 speaks TLS, and a client's side that trusts it.
func secureWorld(t *testing.T, listener, more string) (*world, *Gateway, *tls.Config) {
	t.Helper()
	cert, key := newPair(t)
	w := newWorld()
	o := w.options()
	o.ReadFile = func(name string) ([]byte, error) {
		if strings.HasSuffix(name, ".key") {
			return bytes.Clone(key), nil
		}
		return bytes.Clone(cert), nil
	}
	g := start(t, "listeners: [{ address: \":80\", tls: { certificates: [{ cert_file: a.pem, key_file: a.key }] }"+listener+" }]\n"+more+"routes: [{ match: /, respond: { body: hi } }]\n", o)
	return w, g, trusting(cert)
}

// Who does not get on with the handshake has ten seconds, two in a crowd, whatever is dribbled meanwhile.
func TestSlowHandshakes(t *testing.T) {
	for _, tt := range []struct {
		name, more string
		want       time.Duration
	}{{"calm", "", 10 * time.Second}, {"in a crowd", "limits: { connections: 4 }\n", 2 * time.Second}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, g, _ := secureWorld(t, "", tt.more)
				var clients sync.WaitGroup
				for i := range 4 {
					c, err := w.net.Dial(context.Background(), ":80")
					if err != nil {
						t.Fatal(err)
					}
					if i < 3 && tt.more != "" {
						continue // those who make the crowd
					}
					clients.Go(func() {
						begun := time.Now()
						_ = c.SetReadDeadline(begun.Add(time.Hour))
						hello := []byte("\x16\x03\x01\x10\x00\x01\x00\x0f\xfc\x03\x03")
						for _, b := range hello {
							if i%2 == 1 {
								_, _ = c.Write([]byte{b})
								time.Sleep(100 * time.Millisecond)
							}
						}
						_, _ = io.Copy(io.Discard, c)
						if took := time.Since(begun); took < tt.want || took > tt.want+2*time.Second {
							t.Errorf("closed after %v, want %v", took, tt.want)
						}
					})
				}
				clients.Wait()
				time.Sleep(10 * time.Second)
				if n := g.crowd.total.Load(); n != 0 {
					t.Errorf("%d connections are still counted", n)
				}
			})
		})
	}
}

// A gateway that drains hears who has come in and answers once; one that is closed does not wait.
func TestStopDuringAHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, g, config := secureWorld(t, "", "")
		slow, err := w.net.Dial(context.Background(), ":80")
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		var drained sync.WaitGroup
		drained.Go(func() { g.Drain() })
		time.Sleep(time.Second)
		c := tls.Client(slow, config)
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		resp, body := talk(t, c, bufio.NewReader(c), get("/"))
		if body != "hi" || !resp.Close {
			t.Errorf("got %q, close %v", body, resp.Close)
		}
		drained.Wait()
		_ = slow.Close()

		w, g, _ = secureWorld(t, "", "")
		if slow, err = w.net.Dial(context.Background(), ":80"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		begun := time.Now()
		g.Close()
		if took := time.Since(begun); took > time.Second {
			t.Errorf("closing took %v", took)
		}
		if _, err := slow.Read(make([]byte, 1)); err == nil {
			t.Error("the connection is still open")
		}
	})
}

// A splitter sends its first record in many: each a byte of what it holds.
type splitter struct {
	net.Conn
	sent bool
}

func (s *splitter) Write(p []byte) (int, error) {
	if s.sent {
		return s.Conn.Write(p)
	}
	s.sent = true
	var b []byte
	for _, c := range p[5:] {
		b = append(b, p[0], p[1], p[2], 0, 1, c)
	}
	if _, err := s.Conn.Write(b); err != nil {
		return 0, err
	}
	return len(p), nil
}

// A ClientHello that comes in many records is read as any other; what is chosen by its names is chosen by them.
func TestFragmentedHello(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, config := secureWorld(t, ", hosts: [api.example.com]", "")
		raw, err := w.net.Dial(context.Background(), ":80")
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		c := tls.Client(&splitter{Conn: raw}, config)
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(c)
		for host, want := range map[string]int{"api.example.com": 200, "other.example.com": 421} {
			if resp, _ := talk(t, c, r, "GET / HTTP/1.1\nHost: "+host+"\n\n"); resp.StatusCode != want {
				t.Errorf("%s: %d, want %d", host, resp.StatusCode, want)
			}
		}
	})
}

// Clients behind a proxy are counted each for themselves, and nobody is counted twice or left behind.
func TestCrowdBehindAProxy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, g, config := secureWorld(t, ", proxy_protocol: { trusted: [192.0.2.0/24] }", "limits: { connections_per_client: 2 }\n")
		come := func(client string) (net.Conn, bool) {
			raw, err := w.net.Dial(context.Background(), ":80")
			if err != nil {
				t.Fatal(err)
			}
			_, _ = fmt.Fprintf(raw, "PROXY TCP4 %s 192.0.2.1 1000 443\r\n", client)
			return raw, tls.Client(raw, config).Handshake() == nil
		}
		var in []net.Conn
		for i, tt := range []struct {
			client string
			want   bool
		}{{"203.0.113.1", true}, {"203.0.113.1", true}, {"203.0.113.1", false}, {"203.0.113.2", true}, {"127.0.0.1", true}, {"127.0.0.1", true}, {"127.0.0.1", true}, {"300.0.0.1", false}} {
			c, ok := come(tt.client)
			if ok != tt.want {
				t.Errorf("%d, %s: got %v, want %v", i, tt.client, ok, tt.want)
			}
			in = append(in, c)
		}
		if n := g.crowd.total.Load(); n != 6 {
			t.Errorf("%d connections, want 6", n)
		}
		for _, c := range in {
			_ = c.Close()
		}
		time.Sleep(time.Minute)
		for i := range g.crowd.shards {
			s := &g.crowd.shards[i]
			s.mu.Lock()
			if n := len(s.n); n > 0 {
				t.Errorf("shard %d still knows %d clients", i, n)
			}
			s.mu.Unlock()
		}
		if n := g.crowd.total.Load(); n != 0 {
			t.Errorf("%d connections are still counted", n)
		}
	})
}

// The port of a redirect is that of the listeners with TLS, if there is no doubt about it.
func TestRedirectPort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cert, key := newPair(t)
		w := newWorld()
		o := w.options()
		o.ReadFile = func(name string) ([]byte, error) {
			return bytes.Clone(map[bool][]byte{true: key, false: cert}[strings.HasSuffix(name, ".key")]), nil
		}
		g := start(t, "listeners: [\":80\"]\nroutes: [{ match: /, respond: { body: hi } }]\n", o)
		for addresses, want := range map[string]string{":443": "", ":8443": ":8443", "10.0.0.1:8443 10.0.0.2:8443": ":8443", ":8443 :9443": "", "": ""} {
			doc := "routes: [{ match: /, respond: { body: hi } }]\nlisteners:\n  - { address: \":80\", redirect_to_https: true }\n"
			for _, a := range strings.Fields(addresses) {
				doc += fmt.Sprintf("  - { address: %q, tls: { certificates: [{ cert_file: a.pem, key_file: a.key }] } }\n", a)
			}
			if err := g.LoadBytes("c", []byte(doc)); err != nil {
				t.Fatal(err)
			}
			c, r := w.dial(t)
			resp, _ := talk(t, c, r, "POST /a?b HTTP/1.1\nHost: shop.example.com:80\nContent-Length: 0\n\n")
			if got := resp.Header.Get("Location"); resp.StatusCode != http.StatusPermanentRedirect || got != "https://shop.example.com"+want+"/a?b" {
				t.Errorf("%q: %d to %s", addresses, resp.StatusCode, got)
			}
		}
	})
}

// Terms change while clients come, stay and go: whoever can do with both, the old and the new, notices nothing.
func TestTermsChangeUnderLoad(t *testing.T) {
	cert, key := newPair(t)
	g := start(t, "listeners: [\"127.0.0.1:0\"]\nroutes: [{ match: /, respond: { body: hi } }]\n", Options{ReadFile: func(name string) ([]byte, error) {
		return bytes.Clone(map[bool][]byte{true: key, false: cert}[strings.HasSuffix(name, ".key")]), nil
	}})
	load := func(n int) {
		more := []string{"min_version: \"1.3\", ", ""}[n%2]
		rest := []string{"", ", hosts: [api.example.com]", ", protocols: [h1]", ", proxy_protocol: { trusted: [192.0.2.0/24] }"}[n%4]
		doc := fmt.Sprintf("listeners: [{ address: \"127.0.0.1:0\", tls: { %scertificates: [{ cert_file: a.pem, key_file: a.key }] }%s }]\nlimits: { idle: %ds }\nroutes: [{ match: /, respond: { body: hi } }]\n", more, rest, 50+n%3)
		if err := g.LoadBytes("c", []byte(doc)); err != nil {
			t.Error(err)
		}
	}
	load(0)
	address, stop := g.Addresses()[0], make(chan struct{})
	var clients sync.WaitGroup
	var done atomic.Int64
	cache := tls.NewLRUClientSessionCache(8)
	for i := range 6 {
		clients.Go(func() {
			for {
				config := trusting(cert)
				if config.ClientSessionCache = cache; i%2 == 0 {
					config.ClientSessionCache = nil
				}
				c, err := tls.Dial("tcp", address, config)
				if err != nil {
					t.Error(err)
					return
				}
				r := bufio.NewReader(c)
				for range 1 + i {
					resp, body := talk(t, c, r, "GET / HTTP/1.1\nHost: api.example.com\n\n")
					if resp.StatusCode != 200 || body != "hi" {
						t.Errorf("%d %q", resp.StatusCode, body)
					}
					done.Add(1)
				}
				_ = c.Close()
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for n := range 40 {
		load(n)
		time.Sleep(20 * time.Millisecond)
	}
	close(stop)
	clients.Wait()
	if done.Load() < 50 {
		t.Errorf("%d requests", done.Load())
	}
}
