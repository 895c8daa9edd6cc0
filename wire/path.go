package wire

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
