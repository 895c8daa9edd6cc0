package validate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"sallyport/policy"
	"sallyport/problem"
)

// This file judges one body.

// Bounds of numbers as they are written: some readers write 1e1000000000 out, and arithmetic that is exact has to.
const (
	maxNumber   = 128
	maxExponent = 1000
)

// judge returns what is wrong with b, which is not empty.
func (s *shape) judge(b []byte) ([]finding, reason) {
	value, err := policy.DecodeJSON(b)
	if err != nil {
		return []finding{{detail: "The body is no JSON that is taken here: " + err.Error() + "."}}, syntax
	}
	if at, detail := s.odd(value, nil); detail != "" {
		return []finding{{pointer: pointerOf(at), detail: detail}}, syntax
	}
	w := work{most: s.values, times: s.times}
	if w.add(value, 0); w.much() {
		return []finding{{detail: fmt.Sprintf("It has more than the %d values that are taken here, or as many that are judged several times.", s.values)}}, syntax
	}
	if w.judged > large {
		rooms <- struct{}{}
		defer func() { <-rooms }()
	}
	return s.against(value), badBody
}

// Each value of a body may be wrong each time that it is judged, and what is wrong of all of them is in memory before the first is told: up
// to a kilobyte each. So there is a bound on how often values are judged, and only a few large bodies are at once; it is work for processors alone.
const (
	large  = 2000
	repeat = 2 // how often a value of a body with as many as there may be is judged
)

var rooms = make(chan struct{}, min(4, runtime.GOMAXPROCS(0)))

// work counts the values of a body, and how often they are judged.
type work struct {
	most   int
	times  []float64
	values int
	judged float64
}

func (w *work) much() bool { return w.values > w.most || w.judged > repeat*float64(w.most) }

// add counts v, which has level objects and arrays around it, until it is too much.
func (w *work) add(v any, level int) {
	w.values++
	w.judged += w.times[min(level, len(w.times)-1)]
	switch t := v.(type) {
	case map[string]any:
		for _, inner := range t {
			if w.much() {
				return
			}
			w.add(inner, level+1)
		}
	case []any:
		for _, inner := range t {
			if w.much() {
				return
			}
			w.add(inner, level+1)
		}
	}
}

// against judges a value.
func (s *shape) against(value any) []finding {
	err := s.Validate(value)
	var invalid *jsonschema.ValidationError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &invalid):
		return []finding{{detail: "It cannot be judged."}}
	}
	found := findings(invalid, value)
	if len(found) == 0 {
		found = []finding{{detail: "It is not as it has to be."}}
	}
	return found
}

// odd finds what is not judged: numbers that are huge, and what nests deeper than may be. Of several the first by its pointer counts.
func (s *shape) odd(v any, at []string) (where []string, detail string) {
	switch t := v.(type) {
	case json.Number:
		if huge(string(t)) {
			return slices.Clone(at), "The number is longer, or its exponent larger, than is taken here."
		}
	case map[string]any:
		if len(at) >= s.depth {
			return slices.Clone(at), "It nests deeper than is taken here."
		}
		for name, inner := range t {
			if plainly(inner) {
				continue
			}
			if w, d := s.odd(inner, append(at, name)); d != "" && (detail == "" || slices.Compare(w, where) < 0) {
				where, detail = w, d
			}
		}
	case []any:
		if len(at) >= s.depth {
			return slices.Clone(at), "It nests deeper than is taken here."
		}
		for i, inner := range t {
			if plainly(inner) {
				continue
			}
			if w, d := s.odd(inner, append(at, strconv.Itoa(i))); d != "" {
				return w, d
			}
		}
	}
	return where, detail
}

// plainly says whether nothing can be odd about v.
func plainly(v any) bool {
	switch t := v.(type) {
	case map[string]any, []any:
		return false
	case json.Number:
		return !huge(string(t))
	}
	return true
}

// huge says whether a number, as it is written, is beyond the bounds.
func huge(text string) bool {
	if len(text) > maxNumber {
		return true
	}
	i := strings.IndexAny(text, "eE")
	if i < 0 {
		return false
	}
	n := 0
	for _, c := range text[i+1:] {
		if c >= '0' && c <= '9' {
			if n = n*10 + int(c-'0'); n > maxExponent {
				return true
			}
		}
	}
	return false
}

// peek reads a body of up to limit and puts it back, also when it is larger, or fails on the way.
func peek(body *io.ReadCloser, length, limit int64) ([]byte, error) {
	switch {
	case *body == nil:
		return nil, nil
	case length > limit:
		return nil, problem.BodyTooBig.Wrap(policy.ErrTooLarge)
	}
	b, err := io.ReadAll(io.LimitReader(*body, limit+1))
	rest := io.Reader(*body)
	if err != nil {
		rest = failing{err}
	}
	*body = &again{io.MultiReader(bytes.NewReader(b), rest), *body}
	if err == nil && int64(len(b)) > limit {
		err = policy.ErrTooLarge
	}
	if err != nil {
		return nil, problem.BodyTooBig.Wrap(err)
	}
	return b, nil
}

// again is a body that was read in part.
type again struct {
	io.Reader
	io.Closer
}

// failing fails again.
type failing struct{ err error }

// Read fails.
func (f failing) Read([]byte) (int, error) { return 0, f.err }
