package policy

import "slices"

// A Hold is what an exchange keeps until the last byte of its answer went out, or its tunnel ended, such as a place among
// those that may be answered at once. A step cannot see that end: Handle returns when there is a head.
type Hold interface {
	// Release is called once, by whoever ends the hold.
	Release()
}

// Hold keeps h until x has ended.
func (x *Exchange) Hold(h Hold) { x.holds = append(x.holds, h) }

// Held returns what x holds. The list is good until the next Hold or Drop.
func (x *Exchange) Held() []Hold { return x.holds }

// Drop releases h before x has ended.
func (x *Exchange) Drop(h Hold) {
	if i := slices.Index(x.holds, h); i >= 0 {
		x.holds = slices.Delete(x.holds, i, i+1)
		h.Release()
	}
}

// End releases what x holds, the last first. The edge calls it when nothing of x is under way any more.
func (x *Exchange) End() {
	for len(x.holds) > 0 {
		last := len(x.holds) - 1
		h := x.holds[last]
		x.holds[last] = nil
		x.holds = x.holds[:last]
		h.Release()
	}
}
