package telemetry

import "strings"

// masked stands in the log where a secret would.
const masked = "***"

// appendQuery appends a query with the values of secret-looking parameters masked. Names are compared
// the way servers read them: percent-decoded, without case, and without the characters that
// spellings of one name differ by.
func appendQuery(b []byte, query string, limit int) []byte {
	start, end := 0, len(b)+limit // query[start:] is not written yet
	for i := 0; i < len(query); {
		next, equals := parameter(query, i)
		name, value := query[i:equals], query[min(equals+1, next):next]
		switch {
		case value != "" && (secretName(name) || secretValue(value)):
			b = appendText(b, query[start:i+len(name)+1], max(end-len(b), 0))
			b = append(b, masked...)
			start = next
		case secretValue(name):
			b = appendText(b, query[start:i], max(end-len(b), 0))
			b = append(b, masked...)
			start = next
		}
		if len(b) > end {
			return b
		}
		i = next + 1
	}
	if start < len(query) {
		b = appendText(b, query[start:], max(end-len(b), 0))
	}
	return b
}

// parameter returns the end of the parameter that begins at i, and of its name. Some servers take
// ";" for a separator too.
func parameter(query string, i int) (end, name int) {
	name = -1
	for end = i; end < len(query) && query[end] != '&' && query[end] != ';'; end++ {
		if query[end] == '=' && name < 0 {
			name = end
		}
	}
	if name < 0 {
		name = end
	}
	return end, name
}

// secretValue knows the look of a JWT, and of an API key that a gateway made, under any name.
func secretValue(v string) bool {
	return len(v) > 20 && (strings.HasPrefix(v, "eyJ") || strings.HasPrefix(v, "sp_"))
}

// SecretName says whether what goes by that name is likely to be a secret.
func SecretName(name string) bool { return secretName(name) }

// secretName says whether a parameter of that name is likely to hold a secret.
func secretName(name string) bool {
	var room [64]byte
	n := 0
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '%' && i+2 < len(name) {
			if decoded := unhex(name[i+1])<<4 | unhex(name[i+2]); decoded < 0x80 {
				c, i = decoded, i+2
			}
		}
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c < '0' || c > '9' && c < 'a' || c > 'z' {
			continue // spellings differ in "-", "_", ".", "[" and the like
		}
		if n == len(room) {
			return true // nobody names a harmless parameter like that
		}
		room[n] = c
		n++
	}
	return secretWord(room[:n])
}

// unhex returns the value of a hex digit; what is none gives a high bit.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 0xff
}

// secretWord looks for words that begin at each letter. Words that are part of harmless ones count
// only when they are the whole name.
func secretWord(name []byte) bool {
	switch string(name) {
	case "code", "sig", "sign", "pass", "pwd", "pin", "otp", "sid", "auth", "ticket", "hash", "mac":
		return true
	}
	if strings.HasSuffix(string(name), "key") {
		return true
	}
	for i, c := range name {
		words := secretWords[c]
		for _, w := range words {
			if len(name)-i >= len(w) && string(name[i:i+len(w)]) == w {
				return true
			}
		}
	}
	return false
}

// secretWords are words that tell a secret anywhere in a name, by first letter.
var secretWords = [256][]string{
	'a': {"apikey", "accesskey", "authorization", "assertion", "authcode"},
	'b': {"bearer"},
	'c': {"credential", "cookie"},
	'h': {"hmac"},
	'j': {"jwt"},
	'p': {"passw", "passphrase", "privatekey"},
	's': {"secret", "signature", "sessionid", "samlresponse"},
	't': {"token"},
}

// appendReferer appends a URL without what may be secret in it: the user's password and values of
// the query.
func appendReferer(b []byte, url string, limit int) []byte {
	end := len(b) + limit
	if scheme, rest, found := strings.Cut(url, "://"); found {
		authority := rest
		if i := strings.IndexAny(rest, "/?#\\"); i >= 0 {
			authority = rest[:i]
		}
		if at := strings.LastIndexByte(authority, '@'); at >= 0 {
			b = appendText(b, scheme, limit)
			b = append(b, "://"+masked...)
			url = rest[at:]
		}
	}
	path, query, found := strings.Cut(url, "?")
	b = appendText(b, path, max(end-len(b), 0))
	if !found || len(b) > end {
		return b
	}
	b = append(b, '?')
	return appendQuery(b, query, max(end-len(b), 0))
}
