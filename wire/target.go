package wire

import "strings"

// What may be wrong with a request target. They are never changed.
var (
	faultTargetChar   = Bad("The request target holds a character that must not be there.")
	faultTargetForm   = Bad("The request target has a form that is not served.")
	faultTargetScheme = Bad("The scheme of the request target is not that of the connection.")
	faultConnect      = Bad("CONNECT is not served.")
)

// ParseTarget reads the target of a request line, or ":path", into r.Path and r.Query (RFC 9112 §3.2). r.Method must be set, and r.Scheme
// should be. A target in absolute form sets r.Host and r.Port too, so call it before ParseAuthority, which then
// checks that the Host field says the same.
//
// Origin form and absolute form are served, and "*" for OPTIONS. CONNECT and its authority form are not.
func ParseTarget(r *Request, target string) *Fault {
	if r.Method == "CONNECT" {
		return faultConnect
	}
	if target == "*" && r.Method == "OPTIONS" {
		r.Path = Path{Raw: target, Text: target}
		return nil
	}
	if target != "" && target[0] == '/' {
		return parseOrigin(r, target)
	}
	return parseAbsolute(r, target)
}

func parseOrigin(r *Request, target string) *Fault {
	path, query := target, ""
	if i := strings.IndexByte(target, '?'); i >= 0 {
		path, query = target[:i], target[i+1:]
		if !validQuery(query) {
			return faultTargetChar
		}
	}
	r.Path, r.Query = Path{Raw: path, Text: path}, query
	if scanPath(path) == pathPlain {
		return nil
	}
	return rewriteTarget(r)
}

func rewriteTarget(r *Request) *Fault {
	var room [512]byte
	out, doubtful, fault := canonical(room[:0], r.Path.Raw)
	if out != nil && fault == nil {
		r.Path.Text = r.Keep(out)
	}
	r.Path.Doubtful = doubtful
	return fault
}

// validQuery says whether s is visible ASCII without "#": a fragment is never sent (RFC 9110 §7.1), and
// whoever cuts there reads another target.
func validQuery(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == '#' {
			return false
		}
	}
	return true
}

// parseAbsolute reads "http://host:port/path?query".
func parseAbsolute(r *Request, target string) *Fault {
	scheme, rest, found := strings.Cut(target, "://")
	if !found || !EqualFold(scheme, "http") && !EqualFold(scheme, "https") {
		return faultTargetForm
	}
	if r.Scheme != "" && !EqualFold(scheme, r.Scheme) {
		return faultTargetScheme
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	if fault := ParseAuthority(rest[:end], r); fault != nil {
		return fault
	}
	switch rest = rest[end:]; {
	case rest != "" && rest[0] == '/':
		return parseOrigin(r, rest)
	case rest != "" && rest[0] == '#':
		return faultTargetChar
	case rest == "" && r.Method == "OPTIONS": // RFC 9112 §3.2.4
		r.Path = Path{Raw: rest, Text: "*"}
		return nil
	}
	// An empty path is "/" (RFC 9110 §4.2.3).
	query := strings.TrimPrefix(rest, "?")
	if !validQuery(query) {
		return faultTargetChar
	}
	r.Path, r.Query = Path{Text: "/"}, query
	return nil
}
