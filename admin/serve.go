package admin

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"sallyport/problem"
	"sallyport/route"
	"sallyport/wire"
)

// page finds what answers a path.
func (s *Server) page(path string) func(http.ResponseWriter, *http.Request) *problem.Problem {
	switch path {
	case "/metrics":
		return s.metrics
	case "/live":
		return s.live
	case "/ready":
		return s.ready
	case "/api/status":
		return s.status
	}
	return nil
}

// serve answers one request.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	id := wire.NewID(new(wire.Request), time.Now())
	h := w.Header()
	h.Set("X-Request-Id", id)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if p := s.answer(w, r); p != nil {
		refuse(w, r, p, id)
	}
}

// answer writes an answer or returns what is to be told instead.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) *problem.Problem {
	if !ours(r.Host) {
		return problem.Misdirected.New("The admin listener answers to localhost and to loopback addresses only.")
	}
	page := s.page(r.URL.Path)
	if page == nil {
		return route.NoRoute.New("The admin listener has /metrics, /live, /ready and /api/status.")
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return route.MethodNotAllowed.New("").With("Allow", "GET, HEAD")
	}
	return page(w, r)
}

func refuse(w http.ResponseWriter, r *http.Request, p *problem.Problem, id string) {
	kind, body := p.Render(r.Header.Get("Accept"), id)
	for _, f := range p.Header {
		w.Header().Add(f[0], f[1])
	}
	write(w, kind, p.Status, body)
}

func write(w http.ResponseWriter, kind string, status int, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away is its own affair
}

// ours says whether a Host field names this machine and cannot name another one. Without the field,
// which only HTTP/1.0 may leave out, the client is no browser.
func ours(host string) bool {
	if host == "" {
		return true
	}
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	ip, err := netip.ParseAddr(name)
	return strings.EqualFold(name, "localhost") || err == nil && ip.Unmap().IsLoopback()
}

func (s *Server) metrics(w http.ResponseWriter, r *http.Request) *problem.Problem {
	s.counts.ServeHTTP(w, r)
	return nil
}

func (s *Server) live(w http.ResponseWriter, _ *http.Request) *problem.Problem {
	write(w, "text/plain; charset=utf-8", http.StatusOK, []byte("live\n"))
	return nil
}

func (s *Server) ready(w http.ResponseWriter, _ *http.Request) *problem.Problem {
	if !s.gateway.Ready() {
		return problem.Draining.New("").With("Retry-After", "1")
	}
	write(w, "text/plain; charset=utf-8", http.StatusOK, []byte("ready\n"))
	return nil
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) *problem.Problem {
	body := new(bytes.Buffer)
	enc := json.NewEncoder(body)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s.gateway.Status()); err != nil {
		s.gateway.Log().Error("cannot write the status", "error", err)
		return problem.Internal.Wrap(err)
	}
	write(w, "application/json", http.StatusOK, body.Bytes())
	return nil
}
