package wire

// Preflight says whether r is a browser's question whether a page may send a request (Fetch, CORS preflight), and with which
// method that would be, "" when the question can be read in more than one way or in none.
func (r *Request) Preflight() (method string, asks bool) {
	if r.Method != "OPTIONS" || !r.Header.HasKnown(Origin) {
		return "", false
	}
	method, found, once := r.Header.Single("Access-Control-Request-Method")
	if !once || !ValidToken(method) {
		method = ""
	}
	return method, found
}

// Single returns the value of a field that may be there once: whether it is, and whether that is so.
func (h *Header) Single(name string) (value string, found, once bool) {
	id := NameOf(name)
	i := h.find(id, name, 0)
	if i < 0 {
		return "", false, true
	}
	return h.fields[i].Value, true, h.find(id, name, i+1) < 0
}
