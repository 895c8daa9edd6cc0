package jwt

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// Whatever is put, dropped and evicted in whatever order, the face of the clock and the map know the same tokens.
func TestCacheKeepsItsPlaces(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	c := newCache(64, 1<<20)
	for range 20_000 {
		var at tag
		binary.LittleEndian.PutUint64(at[:], r.Uint64N(200))
		switch {
		case r.IntN(3) == 0:
			c.drop(at)
			if c.get(at) != nil {
				t.Fatal("it was dropped")
			}
		default:
			c.put(at, &verified{times: times{until: int64(1 + r.IntN(1000))}, size: 100}, int64(r.IntN(900)))
		}
	}
	for i := range c.shards {
		sh := &c.shards[i]
		if len(sh.at) != len(sh.ring) || sh.bytes != int64(100*len(sh.ring)) {
			t.Fatalf("%d tokens by tag, %d on the face, %d bytes", len(sh.at), len(sh.ring), sh.bytes)
		}
		for place, e := range sh.ring {
			if e.place != place || sh.at[e.tag] != e {
				t.Fatalf("the token at %d has the place %d", place, e.place)
			}
		}
	}
}
