package gateway

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

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
