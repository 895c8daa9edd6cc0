package wire

// This file makes the one canonical path of a request. Everything after it works on that text
// alone, so what is matched is what is forwarded.

// A Path is a request's path in its one canonical reading.
type Path struct {
	// Raw is what the client sent, without the query.
	Raw string
	// Text is the canonical path: dot segments resolved, also when percent-encoded; repeated slashes merged; unreserved
	// characters decoded, other escapes in upper case. "%2F" stays as it is and never separates segments. It
	// begins with "/" (or is "*", for OPTIONS). This is what routes match, policies see and targets get.
	Text string
	// Doubtful says that some reader of Text could see other segments in it: it holds an encoded separator, a path
	// parameter, a double encoding or the like. The gateway refuses it when such a reading leads to a route
	// with other rules (see Readings).
	Doubtful bool
}

// What a byte of a path needs.
const (
	pathPlain   = iota // stays: unreserved, sub-delims, ":" and "@" (RFC 3986 §3.3)
	pathSlash          // separates
	pathDot            // stays, unless a segment consists of it
	pathParam          // ";": stays, but some readers cut there
	pathPercent        // begins an escape
	pathEncode         // visible, not allowed in a path, and sent by browsers all the same: is encoded
	pathBad            // never in a path
)

var pathClass = func() (t [256]byte) {
	for i := range t {
		t[i] = pathBad
	}
	set := func(class byte, bytes string) {
		for i := range len(bytes) {
			t[bytes[i]] = class
		}
	}
	set(pathPlain, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_~!$&'()*+,=:@")
	set(pathEncode, "\"<>[]^`{|}")
	t['/'], t['.'], t[';'], t['%'] = pathSlash, pathDot, pathParam, pathPercent
	return t
}()

// unreserved holds the characters that mean the same with and without escape (RFC 3986 §2.3).
var unreserved = chars("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")

// What may be wrong with a path. They are never changed.
var (
	faultPathStart   = Bad("The path must begin with a slash.")
	faultPathByte    = Bad("The path holds a character that must not be there.")
	faultPathEscape  = Bad("The path holds a percent sign that begins no escape.")
	faultPathControl = Bad("The path holds an encoded control character.")
	faultPathRoot    = Bad("The path leads above its root.")
	faultPathDots    = Bad("The path hides a dot segment.")
	faultPathUTF8    = Bad("The path holds an overlong encoding of a character.")
	faultPathLevels  = Bad("The path is percent-encoded too often.")
)

// Canonical returns the canonical text of a path as it was sent, and whether it is doubtful (see Path). A
// path that is canonical already is returned itself, without an allocation; room keeps the bytes of any other.
//
// It refuses what no two readers agree on: escapes and characters that are not allowed, dot segments above the
// root, and whatever turns into a dot segment when it is decoded again, cut at ";" or read with other separators.
func Canonical(raw string, room func([]byte) string) (text string, doubtful bool, fault *Fault) {
	out, doubtful, fault := canonical(nil, raw)
	if out == nil || fault != nil {
		return raw, doubtful, fault
	}
	return room(out), doubtful, nil
}

// canonical appends the canonical text of raw to dst[:0]; nil out means that raw is canonical itself.
func canonical(dst []byte, raw string) (out []byte, doubtful bool, fault *Fault) {
	switch scanPath(raw) {
	case pathPlain:
		return nil, false, nil
	case pathParam:
		doubtful, fault = doubt(raw)
		return nil, doubtful, fault
	}
	out, fault = rewritePath(dst[:0], raw)
	if fault != nil {
		return nil, false, fault
	}
	doubtful, fault = doubt(text(out))
	if string(out) == raw {
		out = nil
	}
	return out, doubtful, fault
}

// scanPath says what raw needs: nothing (pathPlain), a closer look (pathParam), or rewriting (anything else).
func scanPath(raw string) int {
	need := pathPlain
	if raw == "" || raw[0] != '/' {
		return pathBad
	}
	for i := 1; i < len(raw); i++ {
		class := pathClass[raw[i]]
		if class == pathPlain {
			continue
		}
		switch class {
		case pathSlash:
			if raw[i-1] == '/' {
				return pathSlash
			}
		case pathDot:
			if raw[i-1] == '/' && beginsDotSegment(raw[i:]) {
				return pathDot
			}
		case pathParam:
			need = pathParam
		default:
			return pathPercent
		}
	}
	return need
}

func beginsDotSegment(s string) bool {
	return len(s) == 1 || s[1] == '/' || s[1] == '.' && (len(s) == 2 || s[2] == '/')
}

// rewritePath appends the canonical form of raw to out, which is empty.
func rewritePath(out []byte, raw string) ([]byte, *Fault) {
	if raw == "" || raw[0] != '/' {
		return nil, faultPathStart
	}
	out = append(out, '/')
	for i := 1; i < len(raw); i++ {
		c := raw[i]
		switch pathClass[c] {
		case pathSlash:
			var ok bool
			if out, ok = endSegment(out); !ok {
				return nil, faultPathRoot
			}
			if out[len(out)-1] != '/' {
				out = append(out, '/')
			}
		case pathPercent:
			v, ok := Unescape(raw[i:])
			if !ok {
				return nil, faultPathEscape
			}
			if v < 0x20 || v == 0x7f {
				return nil, faultPathControl
			}
			out = appendDecoded(out, v)
			i += 2
		case pathEncode:
			out = appendEscape(out, c)
		case pathBad:
			return nil, faultPathByte
		default:
			out = append(out, c)
		}
	}
	out, ok := endSegment(out)
	if !ok {
		return nil, faultPathRoot
	}
	return out, nil
}

// endSegment resolves the last segment of out if it is "." or ".." (RFC 3986 §5.2.4). It is false above the root.
func endSegment(out []byte) ([]byte, bool) {
	n := len(out)
	switch {
	case n < 2 || out[n-1] != '.':
		return out, true
	case out[n-2] == '/':
		return out[:n-1], true
	case out[n-2] != '.' || out[n-3] != '/': // out begins with a slash, so n ≥ 3 here
		return out, true
	case n == 3:
		return out, false
	}
	n -= 3
	for out[n-1] != '/' {
		n--
	}
	return out[:n], true
}

// Unescape decodes the escape that s begins with.
func Unescape[T string | []byte](s T) (byte, bool) {
	if len(s) < 3 || s[0] != '%' {
		return 0, false
	}
	hi, lo := hexValue[s[1]], hexValue[s[2]]
	return hi<<4 | lo&15, hi|lo < 16
}

var hexValue = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i := range byte(10) {
		t['0'+i] = i
	}
	for i := range byte(6) {
		t['a'+i], t['A'+i] = 10+i, 10+i
	}
	return t
}()

// appendDecoded appends what was escaped: itself when that means the same.
func appendDecoded(out []byte, c byte) []byte {
	if unreserved[c] {
		return append(out, c)
	}
	return appendEscape(out, c)
}

func appendEscape(out []byte, c byte) []byte {
	const hex = "0123456789ABCDEF"
	return append(out, '%', hex[c>>4], hex[c&15])
}
