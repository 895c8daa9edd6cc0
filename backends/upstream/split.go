package upstream

import (
	"math"
	"math/rand/v2"

	"sallyport/expr"
	"sallyport/policy"
)

// A split sends each request to one of several upstreams, by share.
type split struct {
	sticky expr.Label
	parts  []part // without those of share 0
	sum    uint64
}

// A part is one upstream of a split.
type part struct {
	to    policy.Upstream
	share float64
	upTo  uint64 // sum of the shares up to and with this one
	seed  uint64 // hash of the name
}

func (s *split) add(to policy.Upstream, share int) {
	if share == 0 {
		return
	}
	s.sum += uint64(share)
	s.parts = append(s.parts, part{to, float64(share), s.sum, policy.Hash(to.Name())})
}

// choose returns the upstream for x.
func (s *split) choose(x *policy.Exchange) policy.Upstream {
	if key := s.key(x); key != "" {
		return s.stick(key)
	}
	n := rand.Uint64N(s.sum)
	for i := range s.parts {
		if n < s.parts[i].upTo {
			return s.parts[i].to
		}
	}
	return s.parts[0].to
}

// key is what x sticks by, "" for nothing.
func (s *split) key(x *policy.Exchange) string {
	if s.sticky.IsZero() {
		return ""
	}
	key, err := s.sticky.Text(x)
	if err != nil {
		return ""
	}
	return key
}

// stick is weighted rendezvous hashing: each part draws a number for key, scaled by its share, and the highest wins. It needs no
// state, so that all gateways agree, and when shares change only those keys move that must.
func (s *split) stick(key string) policy.Upstream {
	h, best, top := policy.Hash(key), 0, math.Inf(-1)
	for i := range s.parts {
		p := &s.parts[i]
		u := (float64(policy.Mix(h^p.seed)>>11) + 0.5) / (1 << 53) // evenly between 0 and 1
		if score := p.share / -math.Log(u); score > top {
			best, top = i, score
		}
	}
	return s.parts[best].to
}
