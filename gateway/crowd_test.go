package gateway

import (
	"net/netip"
	"testing"
)

func TestCrowdCounts(t *testing.T) {
	var c crowd
	c.bounds.Store(&crowdBounds{total: 100, perPeer: 2, exempted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	d := new(door)
	tests := []struct {
		addr string
		want bool
	}{
		{"192.0.2.1", true}, {"::ffff:192.0.2.1", true}, {"192.0.2.1", false}, {"192.0.2.2", true},
		{"2001:db8:0:1::1", true}, {"2001:db8:0:1:ffff::2", true}, {"2001:db8:0:1::3", false}, {"2001:db8:0:2::1", true},
		{"10.1.2.3", true}, {"10.1.2.3", true}, {"10.1.2.3", true}, {"127.0.0.1", true}, {"127.0.0.1", true}, {"127.0.0.1", true},
	}
	for i, tt := range tests {
		if got := c.enter(netip.MustParseAddr(tt.addr), d); got != tt.want {
			t.Errorf("%d, %s: got %v, want %v", i, tt.addr, got, tt.want)
		}
	}
	entered := 0
	for _, tt := range tests {
		if tt.want {
			entered++
			c.leave(netip.MustParseAddr(tt.addr), d)
		}
	}
	if c.total.Load() != 0 || d.open.Load() != 0 {
		t.Errorf("after %d left: %d, %d", entered, c.total.Load(), d.open.Load())
	}
	for i := range c.shards {
		if n := len(c.shards[i].n); n > 0 {
			t.Errorf("shard %d still knows %d clients", i, n)
		}
	}
	c.bounds.Store(&crowdBounds{total: 100, perDoor: 1})
	if !c.enter(netip.MustParseAddr("192.0.2.1"), d) || c.enter(netip.MustParseAddr("192.0.2.2"), d) {
		t.Error("a listener's own bound does not hold")
	}
}
