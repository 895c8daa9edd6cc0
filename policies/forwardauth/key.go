package forwardauth

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"

	"sallyport/expr"
	"sallyport/policy"
	"sallyport/wire"
)

// This file tells requests apart that the service may answer differently. Every part is preceded by its length, so that no two requests have
// the same key unless all parts are the same.

var errNoAnswer = errors.New("the question was not answered")

var rooms = sync.Pool{New: func() any { return new([]byte) }}

// key returns the key of x, and whether the answer may be kept by it: what cannot be told cannot be told apart.
func (g *gate) key(x *policy.Exchange, body []byte) (k key, ok bool) {
	room := rooms.Get().(*[]byte)
	b, ok := g.parts((*room)[:0], x)
	if ok {
		k = sha256.Sum256(part(b, body))
	}
	clear(b)
	if cap(b) <= 64<<10 {
		*room = b[:0]
	}
	rooms.Put(room)
	return k, ok
}

func (g *gate) parts(b []byte, x *policy.Exchange) ([]byte, bool) {
	r := x.Request
	b = part(b, g.method(x)) // a question of another method is another question
	if g.all {
		for name, value := range r.Header.All() {
			b = part(part(b, strings.ToLower(name)), value)
		}
		b = append(b, 0xff)
	}
	for _, name := range g.RequestHeaders {
		b = values(b, r, name)
	}
	if g.Body != nil {
		for _, name := range policy.OfBody {
			b = values(b, r, name)
		}
	}
	if len(g.Cache.Key) == 0 {
		b = part(part(part(b, r.Method), r.Scheme), r.Host)
		b = part(part(part(b, r.Port), r.Path.Text), r.Query)
		b = values(values(b, r, "X-Forwarded-Proto"), r, "X-Forwarded-Host") // as a proxy that is trusted has them
		client := x.Client.As16()
		return part(b, client[:]), true
	}
	for _, e := range g.Cache.Key {
		v, err := e.Text(x)
		var missing *expr.Missing
		switch {
		case err == nil:
			b = part(append(b, 1), v)
		case errors.As(err, &missing):
			b = append(b, 0)
		default:
			return b, false
		}
	}
	return b, true
}

// values appends all that r has in a field.
func values(b []byte, r *wire.Request, name string) []byte {
	for i := range r.Header.Len() {
		if f := r.Header.At(i); len(f.Name) == len(name) && strings.EqualFold(f.Name, name) {
			b = part(append(b, 1), f.Value)
		}
	}
	return append(b, 0) // the next name begins
}

// part appends one part with its length before it.
func part[T string | []byte](b []byte, p T) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(len(p)))
	return append(b, p...)
}

// told are the settings that a kept answer depends on: with others it is another cache.
func (g *gate) told() string {
	var keys []string
	for _, e := range g.Cache.Key {
		keys = append(keys, e.String())
	}
	return fmt.Sprintf("%q %q %q %q %q %q %q %q %q %v %v %d %v", g.Upstream, g.Path, g.Method, g.RequestHeaders, g.ResponseHeaders, g.ClientHeaders, g.Subject, g.Consumer, keys,
		g.Cache.TTL, g.Cache.DenyTTL, g.Cache.Max, g.Body != nil)
}
