package store

import (
	"runtime"
	"weak"
)

// A sharedThing is something kept by name, whatever its type.
type sharedThing struct {
	pointer any // a weak.Pointer
	gone    func() bool
}

// Shared returns what s keeps by that name: what there is, if any configuration still uses it, otherwise what create makes. Nobody needs to
// give it back: it goes away with the last one that uses it. The name says all that create depends on, and what type that makes.
func Shared[T any](s *State, name string, create func() *T) *T {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w, ok := s.shared[name].pointer.(weak.Pointer[T]); ok {
		if p := w.Value(); p != nil {
			return p
		}
	}
	p := create()
	w := weak.Make(p)
	s.shared[name] = sharedThing{w, func() bool { return w.Value() == nil }}
	runtime.AddCleanup(p, s.forgetShared, name)
	return p
}

func (s *State) forgetShared(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.shared[name]; ok && t.gone() { // else it was made again meanwhile
		delete(s.shared, name)
	}
}
