package h2

import "time"

// This file tells a connection in use from one on which a client makes work and asks for nothing.
//
// What costs a client little and the gateway something is paid for out of two accounts: frames that carry nothing, and
// streams that are given up. Requests that are answered and bytes that move fill them, so a busy connection may do
// more of both than a silent one. An empty account ends the connection.

// An account holds what may still be spent. It fills by itself, slowly.
type account struct {
	left, most int
	perSecond  int
	filled     time.Time
}

func newAccount(most, perSecond int) account {
	return account{left: most, most: most, perSecond: perSecond}
}

func (a *account) earn(n int) { a.left = min(a.most, a.left+n) }

// spend takes n out and says whether it was there.
func (a *account) spend(n int) bool {
	if a.left -= n; a.left >= 0 {
		return true
	}
	now := time.Now()
	if a.filled.IsZero() {
		a.filled = now.Add(-time.Second)
	}
	if d := now.Sub(a.filled); d > 0 {
		a.left += int(min(d.Seconds()*float64(a.perSecond), float64(a.most)))
		a.filled = now
	}
	return a.left >= 0
}

const (
	idleFrames    = 2000 // frames that carry nothing, at once
	idlePerSecond = 50
	givenUp       = 200 // streams that are reset, by either side, at once
	givenUpRefill = 4   // a second
	continuations = 64  // frames of one head
)

// A flood is the account of one connection.
type flood struct {
	idle    account
	resets  account
	last    uint32 // the highest stream that the client has opened
	opened  int    // streams that it has opened
	known   int    // of them, those that came to a handler, or were refused for being too many
	block   bool   // the head of a request has begun and not ended
	pieces  int    // frames of it
	flooded string // why the connection has to end, "" while it has not
}

func newFlood() flood {
	return flood{idle: newAccount(idleFrames, idlePerSecond), resets: newAccount(givenUp, givenUpRefill)}
}

// read takes note of a frame of the client.
func (f *flood) read(h frame) {
	switch h.kind {
	case frameHeaders:
		if h.stream > f.last {
			f.last = h.stream
			f.opened++
		}
		f.pieces, f.block = 0, h.flags&flagEndHeaders == 0
		f.idle.earn(2)
		return
	case frameContinuation:
		f.block = h.flags&flagEndHeaders == 0
		if f.pieces++; f.pieces > continuations {
			f.flooded = "a head in too many frames"
		}
		return
	case frameData:
		if h.length > 0 || h.flags&flagEndStream != 0 {
			return
		}
	case frameRST:
		if !f.resets.spend(1) {
			f.flooded = "too many streams are reset"
		}
		return
	}
	if !f.idle.spend(1) {
		f.flooded = "too many frames that carry nothing"
	}
}

// wrote takes note of a frame of the gateway.
func (f *flood) wrote(h frame) {
	switch h.kind {
	case frameData:
		f.idle.earn(3) // the client may tell of what it has read, once for the stream and once for the connection
		if h.flags&flagEndStream != 0 {
			f.resets.earn(1)
		}
	case frameHeaders:
		f.idle.earn(1)
		if h.flags&flagEndStream != 0 {
			f.resets.earn(1)
		}
	case frameRST:
		if h.code == codeRefusedStream {
			f.known++
		}
		// What the client did made the gateway reset the stream (MadeYouReset); unless it only does not want the rest of a body.
		if h.code != codeNone && !f.resets.spend(1) {
			f.flooded = "too many streams had to be reset"
		}
	}
}

// crowded says whether so many streams have not come to a handler that no more should be read. net/http answers some by
// itself, above all those with too large a head, which it holds for as long as the client does not take the answer: they may
// not become many (the HPACK bomb). Others are on their way for a moment.
func (f *flood) crowded() bool { return f.opened-f.known > unknown+f.known/64 }

const (
	unknown     = 16
	unknownTime = 2 * time.Second // for handlers to begin
)
