package gateway

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A moody target echoes what it was asked, if it does not break the connection, fail, or take its time.
func newMoody(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch mood := rand.IntN(20); {
		case mood < 2:
			panic(http.ErrAbortHandler) // which breaks the connection
		case mood < 4:
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, strings.Repeat("busy ", rand.IntN(3000)))
			return
		case mood < 8:
			time.Sleep(time.Duration(rand.IntN(int(30 * time.Millisecond))))
		}
		w.Header().Set("X-Asked", r.Header.Get("X-Ask"))
		_, _ = io.WriteString(w, r.Method+" "+r.RequestURI+" "+string(body))
	})}
	s.Protocols = new(http.Protocols)
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	var serve sync.WaitGroup
	serve.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() { _ = s.Close(); serve.Wait() })
	return "http://" + l.Addr().String()
}

// Calls are made again, and to two targets at once, while documents change and targets misbehave. Whatever a client gets belongs to its
// request, and nothing is left in the end.
func TestNothingIsMixedUp(t *testing.T) {
	for _, protocol := range []string{"h1", "h2c"} {
		t.Run(protocol, func(t *testing.T) { mixUp(t, protocol) })
	}
}

func mixUp(t *testing.T, protocol string) {
	doc := func(i int) string {
		return fmt.Sprintf(`%supstreams:
  a:
    targets: [%%q, %%q, %%q]
    protocol: %s
    retry: { attempts: 3, budget: 100%%%%, backoff: 1ms, per_try_timeout: 25ms }
    hedge: { after: %dms, max: 2 }
    circuit_breaker: { min_requests: 50, failure_ratio: 60%%%%, open_for: 10ms }
routes: [{ match: /, upstream: a }, { match: "/{rest...}", upstream: a }]
`, listen, protocol, 3+i%5)
	}
	urls := []any{newMoody(t), newMoody(t), newMoody(t)}
	g := start(t, fmt.Sprintf(doc(0), urls...), Options{})
	var asked, answered atomic.Int64
	var clients sync.WaitGroup
	until := time.Now().Add(time.Second)
	for n := range 16 {
		clients.Go(func() {
			c, err := net.Dial("tcp", g.Addresses()[0])
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			r := bufio.NewReader(c)
			for i := 0; time.Now().Before(until); i++ {
				id := fmt.Sprintf("%d-%d", n, i)
				request := fmt.Sprintf("GET /%s HTTP/1.1\nHost: gateway.test\nX-Ask: %s\n\n", id, id)
				want := "GET /" + id + " "
				if i%4 == 0 {
					body := strings.Repeat(id, 1+rand.IntN(100))
					request = fmt.Sprintf("PUT /%s HTTP/1.1\nHost: gateway.test\nX-Ask: %s\nContent-Length: %d\n\n%s", id, id, len(body), body)
					want = "PUT /" + id + " " + body
				}
				asked.Add(1)
				resp, body := talk(t, c, r, request)
				switch resp.StatusCode {
				case 200:
					answered.Add(1)
					if body != want || resp.Header.Get("X-Asked") != id {
						t.Errorf("%s was answered %.60q for %s", id, body, resp.Header.Get("X-Asked"))
					}
				case 502, 503, 504:
				default:
					t.Errorf("%s was answered %d", id, resp.StatusCode)
				}
				if resp.Close {
					return
				}
			}
		})
	}
	for i := 1; time.Now().Before(until); i++ {
		time.Sleep(50 * time.Millisecond)
		if err := g.LoadBytes("c", []byte(fmt.Sprintf(doc(i), urls...))); err != nil {
			t.Fatal(err)
		}
	}
	clients.Wait()
	t.Logf("%d of %d requests were answered well", answered.Load(), asked.Load())
	if answered.Load() == 0 { // how many depends on how busy the machine is
		t.Error("none was answered well")
	}
}
