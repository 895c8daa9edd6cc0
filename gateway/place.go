package gateway

import (
	"strings"

	"sallyport/config"
	"sallyport/wire"
)

// This file finds the api that a request is for when no route takes it.

// A place is the hosts and the base path of an api.
type place struct {
	hosts *hostSet // nil for every host
	base  string   // without a slash at its end
}

func placeOfAPI(a *config.API) place {
	return place{newHostSet(a.Hosts), strings.TrimSuffix(a.BasePath, "/")}
}

// holds says whether r is for the api that stands there.
func (p *place) holds(r *wire.Request) bool {
	rest, in := strings.CutPrefix(r.Path.Text, p.base)
	return in && (rest == "" || rest[0] == '/') && (p.hosts == nil || p.hosts.has(r.Host))
}

// before says whether p is more specific than q.
func (p *place) before(q *place) bool {
	if (p.hosts == nil) != (q.hosts == nil) {
		return p.hosts != nil
	}
	return len(p.base) > len(q.base)
}
