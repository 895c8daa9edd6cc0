package jwt

// A token as a client sends it: read strictly (RFC 7515 §5.2, RFC 7519 §7.2, RFC 8725), and believed in nothing before its signature is checked.

import (
	"strings"

	"sallyport/policy"
)

const (
	maxToken  = 16 << 10 // bytes of a token
	maxHeader = 4 << 10  // of its header: kid and a certificate's fingerprint, with room to spare
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
	part      string // the header as it was written
	claims    map[string]any
	signed    []byte // what the signature is of
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
	if p.claims, ok = object(token[first+1 : last]); !ok {
		return p, malformed
	}
	p.signed = []byte(token[:last])
	return p, good
}

// object reads a part that holds an object.
func object(part string) (map[string]any, bool) {
	text, ok := decode(part)
	if !ok {
		return nil, false
	}
	v, err := policy.DecodeJSON(text)
	m, is := v.(map[string]any)
	return m, err == nil && is
}

// header reads the header. What it says of keys (jwk, jku, x5u, x5c) is never looked at: keys are those of the issuer that the document
// trusts (RFC 8725 §3.10).
func header(part string) (*head, reason) {
	h, ok := object(part)
	if !ok {
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
