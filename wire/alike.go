package wire

// Alike says whether two names of header fields are one name to the most lenient server: without case, and with "_" and "." for "-".
func Alike(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if nameFold[a[i]] != nameFold[b[i]] {
			return false
		}
	}
	return true
}

// DelAlike removes every field that some server takes for one of that name: what the gateway says of a client in it, the client must not
// say in any spelling.
func (h *Header) DelAlike(name string) {
	for i := range h.fields {
		if Alike(h.fields[i].Name, name) {
			h.Filter(func(f *Field) bool { return !Alike(f.Name, name) }, i)
			return
		}
	}
}
