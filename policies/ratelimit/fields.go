package ratelimit

// What clients are told about their limits: RateLimit-Policy and RateLimit of draft-ietf-httpapi-ratelimit-headers-10, which
// are structured fields (RFC 9651), and the older X-RateLimit-*.

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"sallyport/problem"
	"sallyport/schema"
	"sallyport/store"
	"sallyport/wire"
)

// A notice is the unchanging part of what is told.
type notice struct {
	policy string   // value of RateLimit-Policy
	items  []string // of RateLimit, one a limit, up to the value of r
	counts []string // of the limits
	legacy bool

	// When RateLimit is there already, a single limit takes another name than default.
	second, secondPolicy string
}

const single = `"default"`

// newNotice names a single limit default, and each of several like the rate that it is. By is what it counts by.
func newNotice(rates []schema.Rate, by string, legacy bool) *notice {
	n := &notice{legacy: legacy}
	for i, r := range rates {
		name := single
		if len(rates) > 1 {
			name = `"` + r.String() + `"`
		}
		if i > 0 {
			n.policy += ", "
		}
		count := strconv.FormatInt(r.N, 10)
		quota := ";q=" + count + ";w=" + strconv.FormatInt(seconds(r.Per), 10)
		n.policy += name + quota
		n.items = append(n.items, name+";r=")
		n.counts = append(n.counts, count)
		if len(rates) == 1 {
			n.second = `"` + r.String() + " per " + by + `"`
			n.secondPolicy = n.second + quota
		}
	}
	return n
}

// told is what one request is told. Its strings share one piece of memory.
type told struct {
	*notice
	policy, value           string
	count, remaining, reset string // of the limit that is nearest; only if legacy
}

// tell writes the values for left.
func (n *notice) tell(r *wire.Request, left []store.Status) told {
	var room [64 * store.MaxLimits]byte
	b := room[:0]
	for i := range left {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, n.items[i]...)
		b = strconv.AppendInt(b, left[i].Remaining, 10)
		b = append(b, ";t="...)
		b = strconv.AppendInt(b, seconds(left[i].Reset), 10)
	}
	t := told{notice: n, policy: n.policy}
	if !n.legacy {
		t.value = r.Keep(b)
		return t
	}
	near := nearest(left)
	value := len(b)
	b = strconv.AppendInt(b, left[near].Remaining, 10)
	remaining := len(b)
	b = strconv.AppendInt(b, seconds(left[near].Reset), 10)
	all := r.Keep(b)
	t.value, t.count, t.remaining, t.reset = all[:value], n.counts[near], all[value:remaining], all[remaining:]
	return t
}

// nearest is the limit that has the least left, of equals the one that takes longest to come back.
func nearest(left []store.Status) (at int) {
	for i := range left {
		if left[i].Remaining < left[at].Remaining || left[i].Remaining == left[at].Remaining && left[i].Reset > left[at].Reset {
			at = i
		}
	}
	return at
}

// seconds rounds up, so that nobody comes back too early.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

const (
	fieldPolicy    = "RateLimit-Policy"
	fieldLimit     = "RateLimit"
	fieldCount     = "X-RateLimit-Limit"
	fieldRemaining = "X-RateLimit-Remaining"
	fieldReset     = "X-RateLimit-Reset"
)

// renamed is t for an answer that tells of another limit already.
func (t told) renamed() told {
	if t.second != "" {
		t.value = t.second + strings.TrimPrefix(t.value, single)
		t.policy = t.secondPolicy
	}
	return t
}

// onto adds the fields to a response. RateLimit fields that are there already, of another rate_limit or of the
// upstream, stay: they are lists, and the client has to keep all of them. Of the older fields, which can tell one limit only,
// those of the nearest limit stay.
func (t told) onto(h *wire.Header) {
	if h.Has(fieldLimit) {
		t = t.renamed()
	}
	h.AddRead(wire.Other, fieldPolicy, t.policy)
	h.AddRead(wire.Other, fieldLimit, t.value)
	if !t.legacy || !t.nearer(h.Get(fieldRemaining)) {
		return
	}
	h.Set(fieldCount, t.count)
	h.Set(fieldRemaining, t.remaining)
	h.Set(fieldReset, t.reset)
}

// on adds the fields to a problem.
func (t told) on(p *problem.Problem) *problem.Problem {
	var there string
	for _, f := range p.Header {
		switch f[0] {
		case fieldLimit:
			t = t.renamed()
		case fieldRemaining:
			there = f[1]
		}
	}
	p = p.With(fieldPolicy, t.policy).With(fieldLimit, t.value)
	if !t.legacy || !t.nearer(there) {
		return p
	}
	p.Header = slices.DeleteFunc(p.Header, func(f [2]string) bool {
		return f[0] == fieldCount || f[0] == fieldRemaining || f[0] == fieldReset
	})
	return p.With(fieldCount, t.count).With(fieldRemaining, t.remaining).With(fieldReset, t.reset)
}

// nearer says whether t has less remaining than another limit, whose value of X-RateLimit-Remaining is given, "" for none.
func (t told) nearer(than string) bool {
	if than == "" {
		return true
	}
	other, err := strconv.ParseInt(than, 10, 64)
	own, _ := strconv.ParseInt(t.remaining, 10, 64)
	return err != nil || own < other
}
