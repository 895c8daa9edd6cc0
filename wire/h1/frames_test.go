package h1

import (
	"bytes"
	"strings"
	"testing"
)

// Frames are followed however they are cut into pieces.
func TestFrames(t *testing.T) {
	text := func(head string, n int) string { return head + strings.Repeat("x", n) }
	whole := strings.Join([]string{
		text("\x81\x05", 5),
		text("\x81\x85mask", 5),
		text("\x82\x7e\x01\x00", 256),
		text("\x02\xfe\x01\x00mask", 256),
		text("\x80\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 1<<16),
		"\x89\x00", // ping
		"\x8a\x80mask",
	}, "")
	ends := map[int]bool{0: true}
	at := 0
	for _, n := range []int{7, 11, 260, 264, 10 + 1<<16, 2, 6} {
		at += n
		ends[at] = true
	}
	if at != len(whole) {
		t.Fatalf("the test is wrong: %d and %d bytes", at, len(whole))
	}
	for _, piece := range []int{1, 2, 3, 7, 100, 1 << 20} {
		var f frames
		for done := 0; done < len(whole); {
			n := min(piece, len(whole)-done)
			f.pass([]byte(whole[done : done+n]))
			if done += n; f.between() != ends[done] {
				t.Fatalf("pieces of %d, after %d bytes: got %v", piece, done, f.between())
			}
		}
	}
	for _, bye := range [][]byte{goingAway, goingAwayMasked} {
		var f frames
		if f.pass(bye); f.between() || !f.ended {
			t.Errorf("after %q nothing more may come", bye)
		}
	}
	if !bytes.Equal(goingAway, []byte{0x88, 2, 3, 0xe9}) {
		t.Errorf("got %x", goingAway)
	}
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte("\x81\x05hello\x88\x02\x03\xe9"), 3)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		var whole, parts frames
		whole.pass(b)
		if cut = max(0, min(cut, len(b))); cut >= 0 {
			parts.pass(b[:cut])
			parts.pass(b[cut:])
		}
		if whole.n != parts.n || whole.left != parts.left || whole.ended != parts.ended {
			t.Errorf("got %+v and %+v", whole, parts)
		}
	})
}
