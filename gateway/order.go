package gateway

import (
	"slices"

	"sallyport/lint"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

// This file looks at chains that work but are unwise.

// authenticates are the kinds of policies that find out who sent a request, or may.
var authenticates = append([]string{"any_of"}, plug.Authenticates...)

// identifies says whether s finds out who sent the request: an any_of does when something in it does.
func (s *step) identifies() bool {
	if slices.Contains(plug.Authenticates, s.kind) {
		return true
	}
	return slices.ContainsFunc(s.inner, func(list []step) bool {
		return slices.ContainsFunc(list, func(t step) bool { return t.identifies() })
	})
}

// order warns of steps that had better stand elsewhere.
func (b *builder) order(steps []step) {
	known, limited, before := false, "", map[string]bool{}
	for i, s := range steps {
		switch {
		case slices.Contains(authenticates, s.kind):
			if known = known || s.identifies(); before["concurrency"] {
				b.once(lateGuard, s, "it stands after concurrency, so requests that it refuses take places; put it before")
			}
		case (s.kind == "ip_filter" || s.kind == "load_shed") && limited != "":
			b.once(lateGuard, s, "it stands after %s, so requests that it refuses use up limits; put it first", limited)
		case (s.kind == "rate_limit" || s.kind == "quota" || s.kind == "concurrency") && limited == "":
			limited = s.kind
		}
		if before["mirror"] && refuses(s.kind) {
			b.once(lateMirror, s, "it stands after mirror, so requests that it refuses are copied all the same; put mirror behind it")
		}
		before[s.kind] = true
		if per := s.node.Field("per"); per != nil && (per.Text == "consumer" || per.Text == "subject") && !known {
			b.once(nobodyKnown, s, "nothing before it finds out the %s, so it counts by ip; put authentication before it", per.Text)
		}
		for _, earlier := range steps[:i] {
			if earlier.guard == s.guard && earlier.kind != "headers" {
				b.once(twice, s, "the same policy stands at %s already", earlier.node.Pos)
			}
		}
	}
}

// refuses says whether policies of a kind are there to keep requests out.
func refuses(kind string) bool {
	return slices.Contains(guarding, kind) || slices.Contains([]string{"load_shed", "rate_limit", "quota", "concurrency", "size_limit", "validate", "json_limits", "waf"}, kind)
}

// room warns of more connections than the process has files for.
func (b *builder) room() {
	l := &b.doc.Limits
	if most := mostConnections(openFiles()); l.Connections != nil && *l.Connections > most {
		n := b.doc.Root.Field("limits").Field("connections")
		b.finds(tooFewFiles, n, "limits.connections", "the process may open %d files, which is enough for %d connections with those to upstreams; raise the limit on open files", openFiles(), most)
	}
}

// once warns of a step, and of one that many routes share only once.
func (b *builder) once(r *lint.Rule, s step, format string, args ...any) {
	if list := b.found(r); !slices.ContainsFunc(*list, func(w *schema.Error) bool { return w.Code == r.Code && w.Path == s.path }) {
		b.finds(r, s.node, s.path, format, args...)
	}
}

// upstreamError is what an error answer of an upstream becomes where an api asks for problems throughout.
var upstreamError = problem.Define("upstream_error", 502, "Upstream error", "The upstream answered with an error, whose status this answer has, and the api has errors.upstream.normalize.")

// normalized makes problems of the error answers of next that are none.
func normalized(next policy.Handler) policy.Handler {
	return func(x *policy.Exchange) (*wire.Response, error) {
		resp, err := next(x)
		if err != nil || resp.Status < 400 || isProblem(resp) {
			return resp, err
		}
		t := *upstreamError
		t.Status = resp.Status
		p := &problem.Problem{Type: &t}
		for name, value := range resp.Header.All() {
			switch wire.NameOf(name) {
			case wire.WWWAuthenticate, wire.ProxyAuthenticate, wire.Allow, wire.RetryAfter, wire.SetCookie, wire.Vary, wire.CacheControl:
				p.With(name, value)
			}
		}
		resp.Close()
		return nil, p
	}
}

func isProblem(r *wire.Response) bool {
	kind := r.Header.Known(wire.ContentType)
	const want = "application/problem+"
	return len(kind) > len(want) && wire.EqualFold(kind[:len(want)], want)
}
