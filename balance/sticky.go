package balance

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"sallyport/policy"
	"sallyport/schema"
	"sallyport/wire"
)

// This file keeps a client with the target that answered it first, by a cookie. The cookie is between client and gateway: targets
// do not get it. It says which target without saying where that is: a hash of the URL, with a secret if there is one, so that all
// gateways give the same.

// Sticky is how clients stick to targets.
type Sticky struct {
	Cookie string        `json:"cookie" required:"true" doc:"Name of the cookie that says which target a client sticks to; each upstream that the same clients use needs its own."`
	TTL    time.Duration `json:"ttl" default:"none" max:"400d" doc:"How long from the first answer on, in whole seconds; none for until the browser is closed."`
	Secret schema.Secret `json:"secret" default:"" doc:"What the cookie's values are made with, 16 characters or more, the same on all gateways. Without it somebody who guesses the URL of a target could tell from a value that the guess is right."`
}

// Check judges the settings.
func (s *Sticky) Check() error {
	var errs []error
	if !wire.ValidToken(s.Cookie) {
		errs = append(errs, schema.At("cookie", fmt.Errorf("%q is no name of a cookie; write one such as route", s.Cookie)))
	}
	if s.TTL%time.Second != 0 {
		errs = append(errs, schema.At("ttl", errors.New("cookies count in seconds; write a whole number of them")))
	}
	if n := len(s.Secret.Reveal()); n > 0 && n < 16 {
		errs = append(errs, schema.At("secret", errors.New("it is shorter than 16 characters")))
	}
	return errors.Join(errs...)
}

// value is what the cookie says for a target.
func (s *Sticky) value(upstream, url string) string {
	h := hmac.New(sha256.New, []byte("sallyport sticky "+s.Secret.Reveal()))
	_, _ = h.Write([]byte(upstream + "\x00" + url))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:12])
}

// badges are the cookies of a roster.
type badges struct {
	targets map[string]*target // by value
	cookies map[*target]badge
}

// A badge is the Set-Cookie that has a client stick to a target.
type badge struct{ plain, secure string }

// badges makes the cookies of all targets.
func (s *Sticky) badges(upstream string, targets []*target) *badges {
	if s == nil {
		return nil
	}
	m := &badges{make(map[string]*target, len(targets)), make(map[*target]badge, len(targets))}
	for _, t := range targets {
		value := s.value(upstream, t.url)
		cookie := s.Cookie + "=" + value + "; Path=/; HttpOnly; SameSite=Lax"
		if s.TTL > 0 {
			cookie += "; Max-Age=" + strconv.FormatInt(int64(s.TTL/time.Second), 10)
		}
		m.targets[value] = t
		m.cookies[t] = badge{cookie, cookie + "; Secure"}
	}
	return m
}

// find returns the target that the cookies of h name, and whether they say anything: another site of the same domain may have
// put one of the name beside the gateway's.
func (b *badges) find(s *Sticky, h *wire.Header) (t *target, told bool) {
	if b == nil || h == nil || !h.HasKnown(wire.Cookie) {
		return nil, false
	}
	for name, value := range h.Cookies {
		if name != s.Cookie {
			continue
		}
		told = true
		if t = b.targets[value]; t != nil {
			break
		}
	}
	return t, told
}

// stick sends c to the target that its client sticks to, if that is in service, and has the client stick to the one that
// answers if that is another. One that answers with an error of its own keeps nobody.
func (u *Upstream) stick(s *sending) (*wire.Response, error) {
	x, c, r, header := s.x, s.c, u.roster.Load(), s.c.Header
	want, told := r.badges.find(u.settings.Sticky, header)
	if s.been.want = want; told {
		h := headers.Get().(*wire.Header)
		h.CopyFrom(header)
		dropCookie(x.Request, h, u.settings.Sticky.Cookie)
		c.Header = h
		defer func() {
			c.Header = header
			h.Reset()
			headers.Put(h)
		}()
	}
	resp, err := u.send(s)
	if err == nil && resp.Status < 500 && !want.keeps(x.Target, u.registry.clock(time.Now())) {
		u.roster.Load().tell(x, resp)
	}
	return resp, err
}

// keeps says whether a session stays at t although the target of that name has answered this once, perhaps a second try.
func (t *target) keeps(answered string, now int64) bool {
	return t != nil && (t.name == answered || t.in() && !t.breaker.shut(now))
}

// headers are for calls whose header differs from the request's.
var headers = sync.Pool{New: func() any { return new(wire.Header) }}

// tell has the client of x stick to the target that answered.
func (r *roster) tell(x *policy.Exchange, resp *wire.Response) {
	for _, t := range r.targets {
		if t.name != x.Target {
			continue
		}
		m := r.badges.cookies[t]
		if overTLS(x.Request) {
			m.plain = m.secure
		}
		resp.Header.AddKnown(wire.SetCookie, m.plain)
		return
	}
}

// Sent returns what targets get of the header h of a call on behalf of x.
func (u *Upstream) Sent(x *policy.Exchange, h *wire.Header) *wire.Header {
	if _, told := u.roster.Load().badges.find(u.settings.Sticky, h); !told {
		return h
	}
	sent := h.Clone()
	dropCookie(x.Request, &sent, u.settings.Sticky.Cookie)
	return &sent
}

// overTLS says whether the client's connection is protected, be it as far as a trusted proxy.
func overTLS(r *wire.Request) bool {
	proto := r.Header.Known(wire.XForwardedProto) // the edge has put it in order
	return r.Scheme == "https" || proto == "https" || proto == "wss"
}

// dropCookie takes the cookies of that name out of h.
func dropCookie(r *wire.Request, h *wire.Header, name string) {
	h.Filter(func(f *wire.Field) bool {
		if !f.Is(wire.Cookie) || !strings.Contains(f.Value, name) {
			return true
		}
		var room [1024]byte
		b := room[:0]
		for left := f.Value; left != ""; {
			var one string
			one, left, _ = strings.Cut(left, ";")
			one = strings.Trim(one, " \t")
			if n, _, _ := strings.Cut(one, "="); n == name || one == "" {
				continue
			}
			if len(b) > 0 {
				b = append(b, "; "...)
			}
			b = append(b, one...)
		}
		f.Value = r.Keep(b)
		return f.Value != ""
	}, 0)
}
