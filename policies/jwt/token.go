package jwt

// A token as a client sends it: read strictly (RFC 7515 §5.2, RFC 7519 §7.2, RFC 8725), and believed in nothing before its signature is checked.

import (
	"bytes"
	"strings"

	"sallyport/policy"
)

const (
	maxToken   = 16 << 10 // bytes of a token
	maxHeader  = 4 << 10  // of its header: kid and a certificate's fingerprint, or even the certificate
	maxMembers = 64       // of a header, and more than that in it
)

// A reason is why a token is no good, as the log and metrics have it; "" for one that is.
type reason string

// The reasons.
const (
	good        reason = ""
	missing     reason = "missing" // there is no token
	malformed   reason = "malformed"
	algorithmNo reason = "algorithm" // it is signed in a way that is not on the list
	typeNo      reason = "type"
	issuerNo    reason = "issuer"
	audienceNo  reason = "audience"
	expired     reason = "expired"
	early       reason = "not_yet_valid"
	old         reason = "age"
	lacking     reason = "required_claim"
	keyNo       reason = "key" // the issuer has no such key
	signatureNo reason = "signature"
	revoked     reason = "revoked"
	noKeys      reason = "no_keys" // none of the issuer are there
	scopeNo     reason = "scope"
	claimNo     reason = "claim"
)

// reasons lists them.
var reasons = []reason{
	missing, malformed, algorithmNo, typeNo, issuerNo, audienceNo, expired, early, old, lacking, keyNo, signatureNo, revoked, noKeys, scopeNo, claimNo,
}

// A head is what a token's header says.
type head struct {
	algorithm *algorithm
	kid       string
	hasKid    bool
	typ       string // "" for none
}

// A parsed token is one that can be read. Nobody knows yet whether anything in it is true.
type parsed struct {
	*head
	part      string         // the header as it was written
	text      []byte         // the claims as they were written
	claims    map[string]any // nil before open
	signed    []byte         // what the signature is of
	signature []byte
}

// parse reads a token in compact form. Headers that are known need not be read again: all tokens of a key have the same.
func parse(token string, known *heads) (p parsed, why reason) {
	if len(token) > maxToken {
		return p, malformed
	}
	first := strings.IndexByte(token, '.')
	last := strings.LastIndexByte(token, '.')
	if first < 0 || first == last || strings.IndexByte(token[first+1:last], '.') >= 0 || first > maxHeader { // five parts are a JWE
		return p, malformed
	}
	p.part = token[:first]
	if p.head = known.get(p.part); p.head == nil {
		if p.head, why = header(p.part); why != good {
			return p, why
		}
	}
	var ok bool
	if p.signature, ok = decode(token[last+1:]); !ok || len(p.signature) == 0 {
		return p, malformed
	}
	if p.text, ok = decode(token[first+1 : last]); !ok {
		return p, malformed
	}
	p.signed = []byte(token[:last])
	return p, good
}

// open reads the claims. That is for tokens whose signature is good: reading what somebody made up to be read slowly costs many times what the
// signature does.
func (p *parsed) open() reason {
	v, err := policy.DecodeJSON(p.text)
	if p.claims, _ = v.(map[string]any); err != nil || p.claims == nil {
		return malformed
	}
	return good
}

// issuerOf finds the claim iss in the text of claims, "" when there is none, without reading the rest. It only says by whose keys the signature is to be
// checked.
func issuerOf(text []byte) string {
	depth, name := 0, false // whether a name may come next
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			depth++
			name = text[i] == '{'
		case '}', ']':
			depth--
		case ',':
			name = true
		case '"':
			end := i + endOf(text[i:])
			if depth == 1 && name && string(text[i:end]) == `"iss"` {
				return textAt(text[end:])
			}
			name = false
			i = end - 1
		}
	}
	return ""
}

// endOf returns the length of the text that b begins with, its quotes included.
func endOf(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

// textAt returns the text that stands behind a name, "" for anything else.
func textAt(b []byte) string {
	b = bytes.TrimLeft(b, " \t\r\n")
	if len(b) == 0 || b[0] != ':' {
		return ""
	}
	b = bytes.TrimLeft(b[1:], " \t\r\n")
	if len(b) == 0 || b[0] != '"' {
		return ""
	}
	v, err := policy.DecodeJSON(b[:endOf(b)])
	s, _ := v.(string)
	if err != nil {
		return ""
	}
	return s
}

// header reads the header. What it says of keys (jwk, jku, x5u, x5c) is never looked at: keys are those of the issuer that the document
// trusts (RFC 8725 §3.10).
func header(part string) (*head, reason) {
	text, ok := decode(part)
	if !ok || bytes.Count(text, []byte{','}) > maxMembers {
		return nil, malformed
	}
	v, err := policy.DecodeJSON(text)
	h, is := v.(map[string]any)
	if err != nil || !is {
		return nil, malformed
	}
	p := &head{}
	name, isText := h["alg"].(string)
	if p.algorithm = algorithms[name]; !isText || p.algorithm == nil {
		return nil, algorithmNo
	}
	_, given := h["kid"]
	if p.kid, p.hasKid = h["kid"].(string); p.hasKid != given {
		return nil, malformed
	}
	_, given = h["typ"]
	if p.typ, isText = h["typ"].(string); isText != given {
		return nil, malformed
	}
	// An extension that must be understood is one that is not (RFC 7515 §4.1.11); b64 is one (RFC 7797 §7), and enc and zip are of a JWE.
	for _, extension := range [...]string{"crit", "b64", "enc", "zip"} {
		if _, there := h[extension]; there {
			return nil, malformed
		}
	}
	if kind, _ := h["cty"].(string); strings.EqualFold(kind, "JWT") { // a token within the token (RFC 7519 §5.2)
		return nil, malformed
	}
	return p, good
}

// is says whether the token is of one of these types; without typ it is a plain JWT (RFC 8725 §3.11). A prefix "application/" may be left out (RFC 7515 §4.1.9).
func (p *head) is(types []string) bool {
	typ := p.typ
	if typ == "" {
		typ = "JWT"
	}
	for _, t := range types {
		if strings.EqualFold(plainType(typ), plainType(t)) {
			return true
		}
	}
	return false
}

func plainType(t string) string {
	const prefix = "application/"
	if len(t) > len(prefix) && strings.EqualFold(t[:len(prefix)], prefix) {
		return t[len(prefix):]
	}
	return t
}
