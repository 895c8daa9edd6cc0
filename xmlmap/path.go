package xmlmap

import "strings"

// A path leads to elements: from the top when it begins with a slash, and to all that end so otherwise.
type path struct {
	steps []string
	top   bool
}

func newPath(text string) path {
	rest, top := strings.CutPrefix(text, "/")
	return path{strings.Split(rest, "/"), top}
}

func newPaths(texts []string) []path {
	out := make([]path, len(texts))
	for i, t := range texts {
		out[i] = newPath(t)
	}
	return out
}

// leads says whether the path leads to what stands at at, a name for each level.
func (p *path) leads(at []string) bool {
	if len(at) < len(p.steps) || p.top && len(at) != len(p.steps) {
		return false
	}
	at = at[len(at)-len(p.steps):]
	for i, step := range p.steps {
		if step != "*" && step != at[i] {
			return false
		}
	}
	return true
}

// first returns the index of the first path that leads to at, -1 when none does.
func first(paths []path, at []string) int {
	for i := range paths {
		if paths[i].leads(at) {
			return i
		}
	}
	return -1
}
