package wire

import "strings"

// The bounds of tracestate (W3C Trace Context, Level 2, §3.3).
const (
	maxStates    = 32  // list members; more make the whole list invalid
	maxStateText = 512 // what every participant must be ready to pass on; we pass on no more
	longState    = 128 // a member that is cut first when there is too much
	maxStatePart = 256 // of a key, and of a value
)

// continueState makes the tracestate fields one valid list, or removes them, and returns the list.
func continueState(r *Request, fields int) string {
	var room [maxStates]string
	members, ok := r.Header.states(room[:0])
	kept := shorten(dropRepeated(members))
	if !ok || len(kept) == 0 {
		r.Header.DelKnown(Tracestate)
		return ""
	}
	if first := r.Header.Known(Tracestate); fields == 1 && len(kept) == len(members) && len(first) <= maxStateText {
		return first
	}
	var b [maxStateText]byte
	state := r.Keep(appendStates(b[:0], kept))
	r.Header.SetKnown(Tracestate, state)
	return state
}

// states returns the members of all tracestate fields in order, and whether they are valid and not too many. Members
// may be empty and do not count then (§3.3.1.1).
func (h *Header) states(members []string) ([]string, bool) {
	for i := range h.fields {
		if h.fields[i].id != Tracestate {
			continue
		}
		for rest := h.fields[i].Value; rest != ""; {
			var m string
			m, rest, _ = strings.Cut(rest, ",")
			if m = strings.Trim(m, " \t"); m == "" {
				continue
			}
			if len(members) == maxStates || !validState(m) {
				return nil, false
			}
			members = append(members, m)
		}
	}
	return members, true
}

func validState(member string) bool {
	key, value, ok := strings.Cut(member, "=")
	if !ok || !validStateKey(key) || value == "" || len(value) > maxStatePart {
		return false
	}
	for i := range len(value) {
		if c := value[i]; c < ' ' || c > '~' || c == '=' { // a comma cannot be in it any more
			return false
		}
	}
	return true
}

func validStateKey(key string) bool {
	if key == "" || len(key) > maxStatePart || !isStateStart(key[0]) {
		return false
	}
	for i := 1; i < len(key); i++ {
		if c := key[i]; !isStateStart(c) && c != '_' && c != '-' && c != '*' && c != '/' && c != '@' {
			return false
		}
	}
	return true
}

func isStateStart(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

// dropRepeated keeps the first member of each key, which is the latest: participants add at the left.
func dropRepeated(members []string) []string {
	kept := members[:0:len(members)]
	for _, m := range members {
		if !hasKey(kept, m[:strings.IndexByte(m, '=')+1]) {
			kept = append(kept, m)
		}
	}
	return kept
}

func hasKey(members []string, key string) bool {
	for _, m := range members {
		if strings.HasPrefix(m, key) {
			return true
		}
	}
	return false
}

// shorten cuts members until the list fits: long ones first, then those at the end, always whole (§3.3.1.5).
func shorten(members []string) []string {
	size := len(members) - 1
	for _, m := range members {
		size += len(m)
	}
	for i := len(members) - 1; i >= 0 && size > maxStateText; i-- {
		if len(members[i]) > longState {
			size -= len(members[i]) + 1
			members = append(members[:i], members[i+1:]...)
		}
	}
	for size > maxStateText {
		last := len(members) - 1
		size -= len(members[last]) + 1
		members = members[:last]
	}
	return members
}

func appendStates(b []byte, members []string) []byte {
	for i, m := range members {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, m...)
	}
	return b
}
