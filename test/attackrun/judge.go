package attackrun

import (
	"fmt"
	"slices"
	"strings"
)

// A finding is what an oracle makes of an outcome.
type finding struct {
	verdict Verdict
	why     string
}

func judged(good bool, format string, args ...any) finding {
	why := fmt.Sprintf(format, args...)
	if good {
		return finding{Pass, why}
	}
	return finding{Fail, why}
}

// judge applies the case's oracle.
func judge(c *Case, o *outcome) *Result {
	name, arg, _ := strings.Cut(c.Oracle, ":")
	oracle := oracles[name]
	if oracle == nil {
		return &Result{Case: c, Verdict: NA, Why: "nothing judges " + c.Oracle}
	}
	f := oracle(c, o, arg)
	if f.verdict == Fail && o.silent() {
		f.verdict = Hang
	}
	return &Result{Case: c, Verdict: f.verdict, Why: f.why}
}

// silent says that the gateway neither answered nor closed the connection.
func (o *outcome) silent() bool { return o.status == 0 && !o.closed }

// rejected says that nothing was forwarded, and the client told so.
func (o *outcome) rejected() bool {
	return len(o.requests) == 0 && (o.status == 0 && o.closed || o.status >= 400 && o.status < 500 || o.status == 501 || o.status == 505)
}

// problems lists what a strict reader behind the gateway would object to.
func (o *outcome) problems() (all []string) {
	for _, r := range o.requests {
		all = append(all, r.problems...)
	}
	for _, l := range o.left {
		all = append(all, "left over on a backend connection: "+l)
	}
	return all
}

// smuggled says that the mark of an inner request came out as a request of its own.
func (o *outcome) smuggled() bool {
	return slices.ContainsFunc(o.requests, func(r *forwarded) bool { return strings.Contains(r.line, "SMUGGLED") })
}

// canonical says that what was forwarded leaves no doubt and is no more than what came.
func (o *outcome) canonical(most int) bool {
	if o.smuggled() || len(o.requests) > most {
		return false
	}
	// Who asks for an answer before the body was read leaves the rest of it unread.
	return len(o.problems()) == 0 || strings.Contains(o.heads, "early")
}

// aborted says that a request was cut off in the middle when its body turned out bad: safe, but work for the backend.
func (o *outcome) aborted() bool {
	return len(o.requests) == 1 && !o.smuggled() && len(o.left) == 0 && (o.status == 0 || o.status >= 400) &&
		(strings.Contains(o.notes[0], "short") || o.notes[0] == "chunk read err")
}

func (o *outcome) values(name string) (all []string) {
	for _, r := range o.requests {
		all = append(all, r.values(name)...)
	}
	return all
}

func (o *outcome) target() string {
	if len(o.requests) == 0 {
		return ""
	}
	return o.requests[0].target
}

// oracles holds the ways of judging, by name.
var oracles = map[string]func(c *Case, o *outcome, arg string) finding{
	"reject": func(c *Case, o *outcome, _ string) finding {
		switch f := judged(o.rejected(), "%d forwarded, problems %q", len(o.requests), o.problems()); {
		case f.verdict == Pass:
			return f
		case o.aborted():
			return finding{Warn, "forwarded, then cut off"}
		case o.canonical(c.Requests) && len(o.requests) > 0:
			return finding{Warn, "accepted, and forwarded in a clean form"}
		default:
			return f
		}
	},
	"reject_strict": func(_ *Case, o *outcome, _ string) finding {
		return judged(o.rejected(), "%d forwarded", len(o.requests))
	},
	"reject_or_404": func(_ *Case, o *outcome, _ string) finding {
		return judged(o.rejected(), "%d forwarded", len(o.requests))
	},
	"reject_or_canonical": func(c *Case, o *outcome, _ string) finding {
		switch {
		case o.status >= 500 && o.status != 501 && o.status != 505:
			return finding{Fail, "the client's fault makes an error of the server"}
		case o.silent():
			return finding{Hang, "neither an answer nor an end"}
		case o.rejected() || o.canonical(c.Requests):
			return finding{Pass, ""}
		case o.aborted():
			return finding{Warn, "forwarded, then cut off"}
		}
		return finding{Fail, fmt.Sprintf("smuggled %v, %d forwarded, problems %q", o.smuggled(), len(o.requests), o.problems())}
	},
	// What is bad only far behind the first bytes of a body may have begun to flow by then.
	"reject_or_cut": func(c *Case, o *outcome, _ string) finding {
		return judged(!o.silent() && (o.rejected() || o.canonical(c.Requests) || o.aborted()), "status %d, %d forwarded, problems %q",
			o.status, len(o.requests), o.problems())
	},
	"canonical": func(c *Case, o *outcome, _ string) finding {
		return judged(o.canonical(c.Requests) && len(o.requests) == c.Requests && o.status < 400,
			"%d forwarded, want %d; problems %q", len(o.requests), c.Requests, o.problems())
	},
	"no_admin": func(_ *Case, o *outcome, _ string) finding {
		ways := readsAsAdmin(o.target())
		return judged(o.status != 0 && o.status < 500 && (len(o.requests) == 0 || o.status >= 400 || len(ways) == 0 && len(o.problems()) == 0),
			"status %d, forwarded as %q, which leads to /admin by %q; problems %q", o.status, o.target(), ways, o.problems())
	},
	"no_fragment": func(_ *Case, o *outcome, _ string) finding {
		return judged(o.rejected() || !strings.Contains(o.target(), "#"), "forwarded as %q", o.target())
	},
	"no_header": func(_ *Case, o *outcome, arg string) finding {
		var bad []string
		for _, h := range strings.Split(arg, ",") {
			if v := o.values(h); len(v) > 0 {
				bad = append(bad, fmt.Sprintf("%s=%q", h, v))
			}
			if o.trailers(h) {
				bad = append(bad, "trailer "+h)
			}
		}
		return judged(len(bad) == 0 && o.status != 0, "forwarded with %q", bad)
	},
	"has_header": func(_ *Case, o *outcome, arg string) finding {
		if len(o.requests) == 0 {
			return finding{NA, "not forwarded"}
		}
		for _, h := range strings.Split(arg, ",") {
			if len(o.values(h)) == 0 {
				return finding{Fail, "forwarded without " + h}
			}
		}
		return finding{Pass, ""}
	},
	"no_value": func(_ *Case, o *outcome, arg string) finding {
		for _, bad := range strings.Split(arg, ",") {
			for _, r := range o.requests {
				for _, f := range r.fields {
					if strings.Contains(f.value, bad) {
						return finding{Fail, fmt.Sprintf("forwarded with %s: %s", f.name, f.value)}
					}
				}
			}
		}
		return judged(o.status != 0, "no answer")
	},
	"host_consistent": func(_ *Case, o *outcome, _ string) finding {
		hosts := o.values("host")
		return judged(o.rejected() || len(o.requests) == 0 || o.status >= 400 || len(hosts) == 1 && hosts[0] == "gw.test",
			"forwarded for host %q", hosts)
	},
	"deny_admin_host": func(_ *Case, o *outcome, _ string) finding {
		return judged(slices.Contains([]int{400, 401, 403, 404, 421}, o.status) && len(o.requests) == 0, "status %d", o.status)
	},
	"deny": func(_ *Case, o *outcome, _ string) finding {
		return judged((o.status == 401 || o.status == 403) && len(o.requests) == 0, "status %d", o.status)
	},
	"deny_or_reject":         unharmed,
	"deny_or_all_values":     unharmed,
	"no_effect":              unharmed,
	"doc_only":               unharmed,
	"host_backend":           unharmed,
	"any_local":              unharmed,
	"any_local_or_canonical": unharmed,
	"fallback_ok":            unharmed,
	"one_response": func(_ *Case, o *outcome, _ string) finding {
		return judged(o.rejected() || len(o.statuses) <= 1, "responses %v", o.statuses)
	},
	"cors": cors,
	"early": func(_ *Case, o *outcome, _ string) finding {
		return judged(o.status != 0, "no answer while the body is under way")
	},
}

// unharmed is for what may be forwarded or refused, as long as it is answered and forwarded cleanly.
func unharmed(c *Case, o *outcome, _ string) finding {
	return judged(o.status != 0 && o.status < 500 && o.canonical(c.Requests), "status %d, forwarded as %q, problems %q",
		o.status, o.target(), o.problems())
}
