package jsonspan

import "errors"

// This file is the steps of a Stream: brackets, names, pieces. A step that lacks something leaves all as it was, but for how far it looked.

var (
	errBehind    = errors.New("something stands behind it")
	errStructure = errors.New("a comma, colon, name or bracket is wrong")
)

// next takes one step.
func (t *Stream) next() error {
	t.at = spaces(t.in, t.at)
	if t.at == len(t.in) {
		switch {
		case !t.over:
			return errMore
		case t.state == atEnd:
			return t.finish()
		}
		return errEnded
	}
	switch t.state {
	case atStart:
		return t.start()
	case inObject:
		return t.member()
	case atColon:
		return t.colon()
	case atValue:
		return t.value()
	case inList:
		return t.item()
	case inScalar:
		return t.scalar()
	}
	return errBehind
}

func (t *Stream) start() error {
	switch t.in[t.at] {
	case '{':
		t.state = inObject
	case '[':
		t.state, t.list = inList, walked{spot: t.top, depth: 1}
	default:
		t.state = inScalar
		return nil
	}
	t.out = append(t.out, t.in[t.at])
	t.at++
	return nil
}

// scalar takes a value that is neither object nor list.
func (t *Stream) scalar() error {
	v, err := t.piece(0)
	if err != nil {
		return err
	}
	t.state = atEnd
	t.held, err = t.change(t.held, t.top, v)
	return err
}

// bracket takes the comma or the end of what is walked, whose end is last, if it stands here. done says that it was one of the two.
func (t *Stream) bracket(last byte, end func()) (done bool, err error) {
	c := t.in[t.at]
	switch {
	case c == last && t.turn != wanted:
		t.at++
		end()
		return true, nil
	case t.turn != behind:
		return false, nil
	case c != ',':
		return false, errStructure
	}
	t.at++
	t.turn = wanted
	return true, nil
}

// member takes the name of a member, or the end of the object.
func (t *Stream) member() error {
	if done, err := t.bracket('}', t.endObject); done || err != nil {
		return err
	}
	if t.in[t.at] != '"' {
		return errStructure
	}
	v, err := t.piece(1)
	if err != nil {
		return err
	}
	name := TextOf(v)
	if t.names[name] {
		return errTwice
	}
	if t.long += len(name) + 16; t.long > t.most+batch {
		return ErrLarge
	}
	t.names[name] = true
	t.name, t.state = append(t.name[:0], v...), atColon
	return nil
}

func (t *Stream) colon() error {
	if t.in[t.at] != ':' {
		return errStructure
	}
	t.at++
	t.state = atValue
	return nil
}

// value takes the value of a member; of a list just the bracket.
func (t *Stream) value() error {
	to, name, stays := t.aim()
	first := t.in[t.at]
	var v []byte
	if first != '[' {
		var err error
		if v, err = t.piece(1); err != nil {
			return err
		}
	}
	put := -1
	if p := to.place; p != nil && p.value >= 0 {
		if to.place = nil; !p.keep {
			put = p.value
		}
	}
	if stays {
		if t.given != nil {
			if t.given[name] {
				return ErrTaken
			}
			t.given[name] = true
		}
		if t.seen != nil {
			t.seen[name] = true
		}
		t.lead(name, to.step)
	}
	if put >= 0 && stays {
		t.out = append(t.out, t.values[put]...)
		stays = false
	}
	if t.state, t.turn = inObject, behind; first == '[' {
		t.state, t.turn, t.inner, t.list = inList, opened, true, walked{spot: to, drop: !stays, depth: 2}
		if t.at++; stays {
			t.out = append(t.out, '[')
		}
		return nil
	}
	if !stays {
		return nil
	}
	out, err := t.change(t.out, to, v)
	if err != nil {
		return err
	}
	t.out = out
	return nil
}

// aim finds what is done with the member at hand, its new name, and whether it stays.
func (t *Stream) aim() (to spot, name string, stays bool) {
	name, stays = TextOf(t.name), true
	if s := t.top.step; s != nil {
		to.step = s.below[name]
		stays = to.step.stays(t.in[t.at:t.at+1], t.top.picking)
		if to.step != nil {
			to.picking = t.top.picking && !to.step.selected
			if to.step.as != "" {
				name = to.step.as
			}
		}
	}
	if t.top.place != nil && stays {
		to.place = t.top.place.below[name]
	}
	return to, name, stays
}

// lead writes a member's name.
func (t *Stream) lead(name string, s *step) {
	if t.comma {
		t.out = append(t.out, ',')
	}
	t.comma = true
	if s != nil && s.as != "" {
		t.out = AppendText(t.out, name)
	} else {
		t.out = append(t.out, t.name...)
	}
	t.out = append(t.out, ':')
}

// item takes an item of the list at hand, or its end.
func (t *Stream) item() error {
	if done, err := t.bracket(']', t.endList); done || err != nil {
		return err
	}
	l := &t.list
	v, err := t.piece(l.depth)
	if err != nil {
		return err
	}
	t.turn = behind
	kind := KindOf(v)
	if l.drop || l.picking && kind != Object && kind != List {
		return nil
	}
	out := t.out
	if l.comma {
		out = append(out, ',')
	}
	if out, err = t.change(out, l.spot, v); err != nil {
		return err
	}
	t.out, l.comma = out, true
	return nil
}

func (t *Stream) endList() {
	if !t.inner {
		t.state, t.held = atEnd, append(t.held, ']')
		return
	}
	if t.inner = false; !t.list.drop {
		t.out = append(t.out, ']')
	}
	t.state, t.turn = inObject, behind
}

// endObject puts in what the object does not have.
func (t *Stream) endObject() {
	if p := t.top.place; p != nil {
		for _, name := range p.order {
			if next := p.below[name]; !t.seen[name] && next.makes() {
				if t.comma {
					t.held = append(t.held, ',')
				}
				t.comma = true
				t.held = next.made(append(AppendText(t.held, name), ':'), t.values)
			}
		}
	}
	t.state, t.held = atEnd, append(t.held, '}')
}

// change appends v as it is to be at a spot.
func (t *Stream) change(dst []byte, s spot, v []byte) (_ []byte, err error) {
	most := len(dst) + 8*t.most
	if s.step != nil {
		if s.place == nil {
			return s.step.append(dst, v, s.picking)
		}
		if t.room, err = s.step.append(t.room[:0], v, s.picking); err != nil {
			return nil, err
		}
		v = t.room
	}
	if s.place == nil {
		return append(dst, v...), nil
	}
	if dst, err = s.place.append(dst, v, t.values, most); err == nil && len(dst) > most {
		err = ErrLarge
	}
	return dst, err
}
