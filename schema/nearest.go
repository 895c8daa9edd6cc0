package schema

import (
	"fmt"
	"slices"
	"strings"
)

// Nearest returns the name among some that name was likely meant to be, "" when none is near.
func Nearest(name string, among []string) string {
	const longest = 64
	best, least := "", 1+max(1, min(3, len(name)/3))
	if len(name) > longest {
		return ""
	}
	plain := strings.NewReplacer("-", "_", " ", "_")
	for _, other := range among {
		if other == name || len(other) > longest {
			continue
		}
		if d := distance(plain.Replace(strings.ToLower(name)), strings.ToLower(other)); d < least {
			best, least = other, d
		}
	}
	return best
}

// distance counts the letters to insert, delete, replace or swap with their neighbour.
func distance(a, b string) int {
	before, last, this := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		this[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			this[j] = min(last[j]+1, this[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				this[j] = min(this[j], before[j-2]+1)
			}
		}
		before, last, this = last, this, before
	}
	return last[len(b)]
}

// Unknown reports that f is none of the settings known at a place. Later are further names that may be meant.
func (es *Errors) Unknown(f *Field, path string, known []string, later ...string) {
	msg := fmt.Sprintf("unknown setting %q", Clip(f.Name))
	if near := Nearest(f.Name, append(slices.Clip(known), later...)); near != "" {
		msg += fmt.Sprintf("; did you mean %q?", near)
	} else if len(known) > 0 && len(known) <= 30 && len(*es) < 1000 { // a document of nothing else must not fill the memory
		known = slices.Clone(known)
		slices.Sort(known)
		msg += "; known here: " + strings.Join(known, ", ")
	}
	*es = append(*es, &Error{Pos: f.Pos, Path: path, Msg: msg})
}

func contains(names []string, name string) bool { return slices.Contains(names, name) }

// oneOf lists names in words: a, b or c.
func oneOf(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}
