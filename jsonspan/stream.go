package jsonspan

// A value that changes while it passes, so that it may be larger than what is held of it.

import (
	"errors"
	"io"
)

// A Stream is a Shape and a Fill at work on a value that is being read. What is held is one piece of it: a member of the object or an item of
// the list that the value is, or an item of a list right in that object. Each piece is checked, as Check does, before anything of it goes on, and
// the last bracket is held until the value has ended well: what goes on of a value that turns out to be none is no JSON either.
type Stream struct {
	r      io.Reader
	top    spot
	values [][]byte
	most   int   // bytes of a piece
	err    error // why it ended; io.EOF when all is well

	in   []byte // what was read; what stands before at is done
	at   int
	some bool // something was read
	over bool // nothing follows in
	scan scan

	out   []byte
	began int    // of out, what Read has handed out
	held  []byte // what goes on when the value has ended well

	state state
	list  walked // the list whose items are pieces
	inner bool   // it stands in the object
	comma bool   // the object has a member
	turn  turn
	name  []byte // of the member, as it is written

	names map[string]bool // that the object has
	given map[string]bool // that its members got, when some get others
	seen  map[string]bool // of those that stay, when something is put in
	long  int             // of all names
	room  []byte
}

// A spot is what is done at a place of the value.
type spot struct {
	step    *step // nil for nothing
	picking bool
	place   *place // nil for nothing
}

// A walked is a list whose items are pieces.
type walked struct {
	spot
	drop  bool // it does not stay
	comma bool // there is an item
	depth int
}

type state uint8

const (
	atStart state = iota
	inObject
	atColon
	atValue
	inList
	inScalar
	atEnd // nothing but space may follow
)

// A turn is what comes next in an object or list.
type turn uint8

const (
	opened turn = iota // a member or item, or the end
	behind             // a comma, or the end
	wanted             // a member or item
)

// errMore says that more has to be read first.
var (
	errMore  = errors.New("more is needed")
	errEnded = errors.New("it breaks off")
)

// NewStream makes a Stream of r. Both s and f may be nil; values are for f. No piece may have more than most bytes, nor become more than 8 times
// that. The values must not change while the Stream is read.
func NewStream(r io.Reader, s *Shape, f *Fill, values [][]byte, most int) *Stream {
	t := &Stream{r: r, values: values, most: most, names: map[string]bool{}}
	if s != nil {
		t.top.step, t.top.picking = s.root, s.selects
		if s.root.renames() {
			t.given = map[string]bool{}
		}
	}
	if f != nil {
		t.top.place, t.seen = f.root, map[string]bool{}
	}
	return t
}

// Start reads until something can go on. An error says that nothing of the value should: it is none from the beginning.
func (t *Stream) Start() error {
	if t.work(); t.err == io.EOF { //nolint:errorlint // it is never wrapped
		return nil
	}
	return t.err
}

// Empty says that there is no value: nothing was read, not even space.
func (t *Stream) Empty() bool { return t.over && !t.some }

// Read returns what the value becomes. Its errors are those of the reader, and what is wrong with the value.
func (t *Stream) Read(p []byte) (int, error) {
	if len(t.out) == t.began {
		t.work()
	}
	n := copy(p, t.out[t.began:])
	if t.began += n; t.began < len(t.out) {
		return n, nil
	}
	return n, t.err
}

// Buffered returns how many bytes can be read without waiting.
func (t *Stream) Buffered() int { return len(t.out) - t.began }

const (
	chunk = 32 << 10 // of what is read at once
	batch = 64 << 10 // of what is made before it goes on
)

// work makes something to go on, or ends.
func (t *Stream) work() {
	if t.began = 0; cap(t.out) > 4*batch {
		t.out = nil
	}
	t.out = t.out[:0]
	for t.err == nil && len(t.out) < batch {
		switch err := t.next(); {
		case err == nil:
		case err != errMore: //nolint:errorlint // it is never wrapped
			t.err = err
		case len(t.out) > 1: // more than a bracket
			return
		default:
			t.err = t.more()
		}
	}
}

// more reads on.
func (t *Stream) more() error {
	if t.at > 0 {
		t.in, t.at = t.in[:copy(t.in, t.in[t.at:])], 0
	}
	if len(t.in) > t.most {
		return ErrLarge
	}
	if cap(t.in)-len(t.in) < chunk/2 {
		t.in = append(make([]byte, 0, 2*len(t.in)+chunk), t.in...)
	}
	for range 100 {
		n, err := t.r.Read(t.in[len(t.in):min(cap(t.in), len(t.in)+chunk)])
		t.in = t.in[:len(t.in)+n]
		t.some = t.some || n > 0
		switch {
		case err == io.EOF: //nolint:errorlint // it is never wrapped
			t.over = true
			return nil
		case err != nil:
			return err
		case n > 0:
			return nil
		}
	}
	return io.ErrNoProgress
}
