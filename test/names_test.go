package test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/gateway"
	"sallyport/test/dnsstub"
	"sallyport/wire/dns"
)

// A name moves from machine to machine, vanishes and returns, on real sockets, by real DNS and under load: no request fails, no restart
// is needed, and nothing goes on to a machine that the name has left.
func TestNameThatMoves(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes 12 seconds")
	}
	var targets [3]*httptest.Server
	port := ""
	for i := range targets {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, i, " ", r.Host) }))
		_ = s.Listener.Close()
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.%d:%s", 11+i, orZero(port)))
		if err != nil {
			t.Skip("this machine has one loopback address only: ", err)
		}
		s.Listener = l
		_, port, _ = net.SplitHostPort(l.Addr().String())
		s.Start()
		t.Cleanup(s.Close)
		targets[i] = s
	}
	zone := func(machines ...int) (text string) {
		for _, m := range machines {
			text += fmt.Sprintf("shop.test. 1 IN A 127.0.0.%d\n", 11+m)
		}
		return text
	}
	stub := dnsstub.Serve(t, zone(0), nil)
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(conf, []byte("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out text
	g := gateway.New(gateway.Options{Resolver: &dns.Resolver{Conf: conf, Hosts: os.DevNull, Port: stub.Port}, Stdout: &out, Stderr: &out, Version: "test"})
	err := g.LoadBytes("config.yaml", []byte(fmt.Sprintf(`
listeners: ["127.0.0.1:0"]
upstreams: { shop: { targets: ["http://shop.test:%s"], health: { tcp: true, interval: 1s } } }
routes: [{ match: /, upstream: shop }]
`, port)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	url := "http://" + g.Addresses()[0]
	var seen [3]atomic.Int64
	var failed atomic.Int64
	stop := make(chan struct{})
	var crew sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	defer client.CloseIdleConnections()
	for range 4 {
		crew.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				resp, err := client.Get(url)
				if err != nil {
					t.Error(err)
					return
				}
				body, _ := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				switch text := string(body); {
				case resp.StatusCode != 200:
					failed.Add(1)
				case !strings.HasSuffix(text, " shop.test:"+port):
					t.Errorf("the answer is %q", text)
				default:
					seen[text[0]-'0'].Add(1)
				}
				time.Sleep(2 * time.Millisecond)
			}
		})
	}
	// machines waits until requests go to these machines and no others.
	machines := func(want ...int) {
		t.Helper()
		var got string
		for range 100 {
			for i := range seen {
				seen[i].Store(0)
			}
			time.Sleep(100 * time.Millisecond)
			got = ""
			for i := range seen {
				if seen[i].Load() > 0 {
					got += fmt.Sprint(i, " ")
				}
			}
			if got == strings.Trim(fmt.Sprint(want), "[]")+" " {
				return
			}
		}
		t.Errorf("requests go to the machines %s, want %v", got, want)
	}
	machines(0)
	stub.Set(t, zone(1))
	machines(1)
	targets[0].CloseClientConnections() // nobody should be there
	targets[0].Close()
	stub.Set(t, zone(2, 1))
	machines(1, 2)
	stub.Set(t, "") // it vanishes: the last answer holds
	time.Sleep(2 * time.Second)
	machines(1, 2)
	stub.Set(t, zone(2)) // and returns elsewhere
	machines(2)
	close(stop)
	crew.Wait()
	if n := failed.Load(); n > 0 {
		t.Errorf("%d requests failed:\n%s", n, out.String())
	}
}

func orZero(port string) string {
	if port == "" {
		return "0"
	}
	return port
}
