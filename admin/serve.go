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

// serve answers one request.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	id := wire.NewID(new(wire.Request), time.Now())
	h := w.Header()
	h.Set("X-Request-Id", id)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if p := s.answer(w, r, id); p != nil {
		refuse(w, r, p, id)
	}
}

// answer writes an answer or returns what is to be told instead. What changes something is told of in the log, whoever tries it.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, id string) *problem.Problem {
	if !ours(r.Host) {
		return problem.Misdirected.New("The admin listener answers to localhost and to loopback addresses only.")
	}
	e, p := find(endpoints, r)
	if p != nil {
		return p
	}
	if s.pages.Check(r) != nil {
		return problem.Forbidden.New("No page of elsewhere changes anything here.")
	}
	who, p := s.access.admit(r, e.role)
	if p == nil {
		if e.role > Anyone {
			works(r)
		}
		p = e.serve(s, w, r)
	}
	if e.does != "" {
		s.audit(e, r, who, p, id)
	}
	return p
}

// audit writes down who did what, on what, and what came of it. Endpoints add what is not in the path to the path's values.
func (s *Server) audit(e *endpoint, r *http.Request, who someone, p *problem.Problem, id string) {
	outcome := "done"
	if p != nil {
		outcome = p.Name
	}
	args := []any{"who", who.name, "role", who.role.String(), "what", e.does, "outcome", outcome, "from", r.RemoteAddr, "id", id}
	for _, what := range []string{"name", "consumer", "key", "replaces", "credential", "plan", "revocation", "issuer", "jti", "subject"} {
		if name := r.PathValue(what); name != "" {
			args = append(args, what, shortened(name))
		}
	}
	s.log.Info("admin", args...)
}

func noPage() *problem.Problem {
	return route.NoRoute.New("The admin listener has /metrics, /live, /ready and, with a token, what is under /api/.")
}

func notAllowed(allow []string) *problem.Problem {
	return route.MethodNotAllowed.New("").With("Allow", strings.Join(allow, ", "))
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

// show writes v as JSON that people can read as well.
func (s *Server) show(w http.ResponseWriter, v any) *problem.Problem {
	return s.showAs(w, http.StatusOK, v)
}

func (s *Server) showAs(w http.ResponseWriter, status int, v any) *problem.Problem {
	body := new(bytes.Buffer)
	enc := json.NewEncoder(body)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		s.log.Error("cannot write an answer of the admin listener", "error", err)
		return problem.Internal.Wrap(err)
	}
	write(w, "application/json", status, body.Bytes())
	return nil
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
