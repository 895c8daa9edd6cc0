package body

import (
	"sallyport/expr"
	"sallyport/jsonspan"
)

// make makes the body, of old unless there is a value.
func (m *maker) make(old []byte, v expr.Vars) ([]byte, error) {
	b, most := old, grows*int(m.size)
	var err error
	if m.value != nil {
		if b, err = m.value.AppendBut(nil, v, most, nil); err != nil {
			return nil, err
		}
	}
	if m.shape == nil && m.fill == nil {
		return b, nil
	}
	if b, err = jsonspan.Check(b); err != nil {
		return nil, &unfit{err}
	}
	if m.shape != nil {
		if b, err = m.shape.Append(make([]byte, 0, len(b)), b); err != nil {
			return nil, &unfit{err}
		}
	}
	if m.fill == nil {
		return b, nil
	}
	values, err := m.values(v)
	if err != nil {
		return nil, err
	}
	if b, err = m.fill.Append(make([]byte, 0, len(b)+64), b, values, most); err != nil {
		return nil, &unfit{err}
	}
	return b, nil
}

// values are what is put in.
func (m *maker) values(v expr.Vars) (_ [][]byte, err error) {
	if m.fixed != nil {
		return m.fixed, nil
	}
	out := make([][]byte, len(m.puts))
	for i := range m.puts {
		if out[i], err = m.puts[i].value.Append(nil, v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// unfit is a body of which nothing can be made.
type unfit struct{ err error }

func (u *unfit) Error() string { return u.err.Error() }
func (u *unfit) Unwrap() error { return u.err }
