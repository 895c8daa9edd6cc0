package wire

import "sync/atomic"

// A Claim is one use of a response. A response that came from upstream lives in its connection and is another one's as soon
// as it was closed, so who finds one left behind, after a panic say, cannot tell by looking whether closing it is due.
type Claim struct {
	r    *Response
	turn uint64
}

// Claim takes note of r as it is now, still to be closed.
func (r *Response) Claim() Claim { return Claim{r, atomic.LoadUint64(&r.turn)} }

// Close closes the response if nobody has since the claim was made. It is for the goroutine that has the response.
func (c Claim) Close() {
	if c.r != nil && atomic.LoadUint64(&c.r.turn) == c.turn {
		c.r.Close()
	}
}

// Release says that r was closed and may become another response. The engine calls it.
func (r *Response) Release() { atomic.AddUint64(&r.turn, 1) }
