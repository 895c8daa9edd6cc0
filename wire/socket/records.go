package socket

// A records follows the bytes that TLS is given and counts its records (RFC 8446 §5.1), so that it is known when TLS has none
// that is whole: then there is nothing to read until more comes from the peer.
type records struct {
	whole int // records that TLS may still have; never fewer than it has
	left  int // bytes that are to come of the record under way
	head  [5]byte
	have  int // bytes of the head under way
}

// pass takes notice of what TLS is given.
func (r *records) pass(p []byte) {
	for len(p) > 0 {
		if r.left > 0 {
			n := min(r.left, len(p))
			p = p[n:]
			if r.left -= n; r.left == 0 {
				r.whole++
			}
			continue
		}
		n := copy(r.head[r.have:], p)
		p = p[n:]
		if r.have += n; r.have < len(r.head) {
			return
		}
		r.have = 0
		if r.left = int(r.head[3])<<8 | int(r.head[4]); r.left == 0 {
			r.whole++
		}
	}
}
