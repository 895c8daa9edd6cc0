package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// maxDepth bounds how deep lists and objects may nest.
const maxDepth = 200

var (
	errDeep = errors.New("it nests too deep")
	errMore = errors.New("something follows its end")
)

func decodeJSON(b []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	v, err := jsonValue(d, 0)
	if err != nil {
		return nil, syntax(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errMore
	}
	return v, nil
}

// syntax says what is wrong without repeating what the client sent.
func syntax(err error) error {
	var at *json.SyntaxError
	switch {
	case errors.As(err, &at):
		return fmt.Errorf("it breaks off or has a mistake at byte %d", at.Offset)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it breaks off")
	}
	return err
}

func jsonValue(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		if depth == maxDepth {
			return nil, errDeep
		}
		if t == '{' {
			return jsonObject(d, depth+1)
		}
		return jsonList(d, depth+1)
	case json.Number:
		if n, err := strconv.ParseInt(string(t), 10, 64); err == nil && t != "-0" {
			return n, nil
		}
	}
	return t, nil
}

func jsonObject(d *json.Decoder, depth int) (any, error) {
	out := map[string]any{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name := t.(string) // Token checks that it is one
		if _, twice := out[name]; twice {
			return nil, errors.New("an object has a name twice")
		}
		if out[name], err = jsonValue(d, depth); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return out, err
}

func jsonList(d *json.Decoder, depth int) (any, error) {
	out := []any{}
	for d.More() {
		v, err := jsonValue(d, depth)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	_, err := d.Token()
	return out, err
}
