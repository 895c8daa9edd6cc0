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
				if time.Since(changed) > 10*time.Second {
					t.Fatalf("not after %v: %v", time.Since(changed), err)
				}
				time.Sleep(5 * time.Millisecond)
			}
			t.Logf("the new certificate came after %v", time.Since(changed))
			if resp, _ := talk(t, before, r, get("/")); resp.StatusCode != 200 {
				t.Error("a connection from before is broken")
			}
			if name == "one after the other" {
				p.said(t, "the new configuration is refused")
			}
			for end := time.Now().Add(10 * time.Second); k.done.Load() < 3 && time.Now().Before(end); {
				time.Sleep(time.Millisecond)
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
