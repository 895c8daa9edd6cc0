//go:build !race

package store

import (
	"net/netip"
	"runtime"
	"testing"
	"time"
)

func TestMillionKeys(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for _, c := range []struct {
		name  string
		a     Algorithm
		keys  int
		bytes int64
	}{{"gcra", GCRA, 1_000_000, 44}, {"sliding_window", SlidingWindow, 250_000, 58}} {
		t.Run(c.name, func(t *testing.T) {
			s := New()
			l := limiter(t, s, c.a, Limit{Count: 2, Period: 24 * time.Hour})
			before := heap()
			addr := [4]byte{10}
			for i := range c.keys {
				addr[1], addr[2], addr[3] = byte(i>>16), byte(i>>8), byte(i)
				if _, ok := l.Take(l.KeyAddr(netip.AddrFrom4(addr)), 1, 0, nil); !ok {
					t.Fatalf("key %d was refused", i)
				}
			}
			used := int64(heap()-before) / int64(c.keys)
			st := l.Stats()
			if st.Keys != int64(c.keys) || st.Evicted != 0 || used > c.bytes || st.Bytes/int64(c.keys) > used+1 {
				t.Errorf("%+v, %d bytes a key, want at most %d", st, used, c.bytes)
			}
			t.Logf("%d bytes a key", used)
			runtime.KeepAlive(l)
		})
	}
}
