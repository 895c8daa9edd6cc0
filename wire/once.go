package wire

import (
	"slices"
	"strings"
)

// once are the fields, in small letters, of which a message has one (RFC 9110): receivers do not agree on which of several counts.
var once = []string{
	"age", "authorization", "content-location", "content-range", "content-type", "etag", "expires", "from", "if-modified-since", "if-range", "if-unmodified-since",
	"last-modified", "location", "max-forwards", "proxy-authorization", "referer", "retry-after", "server", "user-agent",
}

// Once says whether a message has one field of that name at most.
func Once(name string) bool { return slices.Contains(once, strings.ToLower(name)) }
