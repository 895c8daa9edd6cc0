//go:build !race

package store

import (
	"net/netip"
	"runtime"
	"testing"
	"time"
)

func TestMillionKeys(t *testing.T) {
	const n = 1_000_000
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for _, c := range []struct {
		name  string
		a     Algorithm
		bytes int64
	}{{"gcra", GCRA, 44}, {"sliding_window", SlidingWindow, 58}} {
		t.Run(c.name, func(t *testing.T) {
			s := New()
			l := limiter(t, s, c.a, Limit{Count: 2, Period: 24 * time.Hour})
			before := heap()
			addr := [4]byte{10}
			for i := range n {
				addr[1], addr[2], addr[3] = byte(i>>16), byte(i>>8), byte(i)
				if _, ok := l.Take(l.KeyAddr(netip.AddrFrom4(addr)), 1, 0, nil); !ok {
					t.Fatalf("key %d was refused", i)
				}
			}
			used := int64(heap()-before) / n
			st := l.Stats()
			if st.Keys != n || st.Evicted != 0 || used > c.bytes || st.Bytes/n > used+1 {
				t.Errorf("%+v, %d bytes a key, want at most %d", st, used, c.bytes)
			}
			t.Logf("%d bytes a key", used)
			runtime.KeepAlive(l)
		})
	}
}
