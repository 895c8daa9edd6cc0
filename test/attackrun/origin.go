package attackrun

import (
	"regexp"
	"slices"
	"strings"
)

var (
	asking   = regexp.MustCompile(`(?im)^(origin|access-control-request-method):[ \t]*(.*?)[ \t]*\r$`)
	allowed  = regexp.MustCompile(`(?im)^access-control-allow-origin:[ \t]*(.*?)[ \t]*\r$`)
	trusted  = regexp.MustCompile(`(?im)^access-control-allow-credentials:[ \t]*true[ \t]*\r$`)
	varies   = regexp.MustCompile(`(?im)^vary:.*\borigin\b`)
	isFriend = regexp.MustCompile(`^https://(app\.test|([a-z0-9_-]+\.)+app2\.test)$`)
)

// cors judges whether a page may read the answer: those of https://app.test and below app2.test, and nobody else. The argument is the status
// of the answer, or "unread" for one where nobody may read anything.
func cors(c *Case, o *outcome, arg string) finding {
	var sent strings.Builder
	for _, s := range c.Send {
		sent.Write(s.Text)
	}
	var origins []string
	preflight := false
	for _, m := range asking.FindAllStringSubmatch(sent.String(), -1) {
		if strings.EqualFold(m[1], "origin") {
			origins = append(origins, m[2])
		} else {
			preflight = strings.HasPrefix(sent.String(), "OPTIONS ")
		}
	}
	friend := len(origins) == 1 && isFriend.MatchString(origins[0]) && arg != "unread"
	var may []string
	for _, m := range allowed.FindAllStringSubmatch(o.raw, -1) {
		may = append(may, m[1])
	}
	switch {
	case o.status == 0:
		return judged(false, "no answer")
	case o.rejected() && len(may) == 0 && !friend:
		return judged(true, "refused")
	case !friend && (len(may) > 0 || trusted.MatchString(o.raw)):
		return judged(false, "%q may read the answer: %q", origins, may)
	case friend && !slices.Equal(may, origins):
		return judged(false, "%q may read the answer, want %q", may, origins)
	case !varies.MatchString(o.raw):
		return judged(false, "it depends on Origin, and Vary does not say so")
	case friend && preflight && (o.status != 204 || len(o.requests) > 0):
		return judged(false, "status %d, %d forwarded, want 204 from the gateway", o.status, len(o.requests))
	case !preflight && arg == "denied" && (o.status != 403 && o.status != 401 || len(o.requests) > 0):
		return judged(false, "status %d, %d forwarded, want a refusal", o.status, len(o.requests))
	}
	return judged(o.canonical(c.Requests), "problems %q", o.problems())
}
