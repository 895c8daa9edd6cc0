package apikey

import (
	"strings"

	"sallyport/identity"
	"sallyport/wire"
)

// schemes are what may stand before a key in the Authorization field.
var schemes = []string{"ApiKey", "Bearer"}

// take returns the key that a request shows. One that shows two, in one place or in several, is refused: nobody can tell which is meant.
func (p *apiKey) take(r *wire.Request) (text string, found bool, err error) {
	for i := range p.places {
		one, there, err := p.places[i].Take(r)
		if err != nil {
			return "", true, err
		}
		if !there {
			continue
		}
		if found && one != text {
			return "", true, identity.Twice()
		}
		text, found = one, true
	}
	if found || !p.authorization {
		return text, found, nil
	}
	return authorized(r)
}

// authorized takes a key out of the Authorization field. What looks like a JWT there is no key but a token, for another policy.
func authorized(r *wire.Request) (text string, found bool, err error) {
	for _, scheme := range schemes {
		text, found, err = identity.Authorization(r, scheme)
		if err != nil {
			return "", true, err
		}
		if found && (scheme != "Bearer" || !isToken(text)) {
			return text, true, nil
		}
	}
	return "", false, nil
}

// isToken says whether text looks like a JWT (RFC 7519 §7.2): an object in base64url, and two dots or, when it is encrypted, four.
func isToken(text string) bool {
	dots := strings.Count(text, ".")
	return strings.HasPrefix(text, "eyJ") && (dots == 2 || dots == 4)
}

// foreign says whether what r shows as a key may as well be a token for another policy: it stands behind Bearer, and no gateway made it. token says
// that it has the form of a JWT, so that it is no guess at a key either.
func (p *apiKey) foreign(r *wire.Request) (foreign, token bool) {
	for i := range p.places {
		if _, there, _ := p.places[i].Take(r); there {
			return false, false
		}
	}
	text, found, _ := identity.Authorization(r, "Bearer")
	foreign = p.authorization && found && !strings.HasPrefix(text, "sp_")
	return foreign, foreign && strings.HasPrefix(text, "eyJ") && strings.Count(text, ".") == 2
}

// remove takes the key out of the request, wherever it may stand.
func (p *apiKey) remove(r *wire.Request) {
	for i := range p.places {
		p.places[i].Remove(r)
	}
	if !p.authorization || !r.Header.HasKnown(wire.Authorization) {
		return
	}
	if _, found, err := authorized(r); found || err != nil {
		identity.RemoveAuthorization(r)
	}
}
