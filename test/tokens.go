package test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"sallyport/test/signed"
)

// keySet makes keys, a line each: a name and what they sign by. ${jwks NAME} stands for the set of their public halves; each is a file of its
// own beside the document as well, as PEM.
func (p *player) keySet(name string, data []byte) error {
	var keys []*signed.Key
	for line := range strings.Lines(string(data)) {
		words := strings.Fields(line)
		if len(words) != 2 {
			return fmt.Errorf("%q is no key; write its name and what it signs by, such as k1 ES256", strings.TrimSpace(line))
		}
		k, err := signed.NewKey(words[0], words[1])
		if err != nil {
			return err
		}
		p.keys[k.ID] = k
		keys = append(keys, k)
		p.files[k.ID+".pem"] = k.PEM()
	}
	p.stands["jwks "+name] = string(signed.Set(keys...))
	return nil
}

// token signs claims. ${token NAME} stands for what comes out.
func (p *player) token(name string, data []byte) error {
	m := parseMessage(data)
	if err := m.allow("key", "secret", "alg", "expires", "issued", "header", "flip", "unsigned"); err != nil {
		return err
	}
	key, err := p.signer(&m)
	if err != nil {
		return err
	}
	header, _ := json.Marshal(key.Header())
	if h, given := m.directive("header"); given {
		header = []byte(h)
	}
	claims, err := timed(&m)
	if err != nil {
		return err
	}
	text, err := key.Sign(header, claims)
	if err != nil {
		return err
	}
	if _, flip := m.directive("flip"); flip {
		text = signed.Flip(text)
	}
	if _, none := m.directive("unsigned"); none {
		text = text[:strings.LastIndexByte(text, '.')+1]
	}
	p.stands["token "+name] = text
	return nil
}

// signer is the key that a token says.
func (p *player) signer(m *message) (*signed.Key, error) {
	var k signed.Key
	if secret, given := m.directive("secret"); given {
		k = signed.Key{Algorithm: "HS256", Private: []byte(secret)}
	} else {
		name, _ := m.directive("key")
		known := p.keys[name]
		if known == nil {
			return nil, fmt.Errorf("there is no key %q; a section jwks makes some", name)
		}
		k = *known
	}
	if alg, given := m.directive("alg"); given {
		k.Algorithm = alg
	}
	return &k, nil
}

// timed is the claims with exp and iat as the directives have them: an hour from now and not at all, otherwise. What is no object stays as it is.
func timed(m *message) ([]byte, error) {
	text := []byte(strings.TrimSpace(m.text))
	var claims map[string]json.RawMessage
	if object := json.Unmarshal(text, &claims) == nil; !object {
		return text, nil
	}
	add := func(claim string, after time.Duration) {
		if _, given := claims[claim]; !given {
			text = bytes.TrimSuffix(text, []byte("}"))
			if len(claims) > 0 {
				text = append(text, ',')
			}
			text = fmt.Appendf(text, "%q:%d}", claim, time.Now().Add(after).Unix())
			claims[claim] = nil
		}
	}
	expires, given := m.directive("expires")
	if !given {
		expires = "1h"
	}
	if expires != "never" {
		d, err := time.ParseDuration(expires)
		if err != nil {
			return nil, err
		}
		add("exp", d)
	}
	if issued, given := m.directive("issued"); given {
		d, err := time.ParseDuration(issued)
		if err != nil {
			return nil, err
		}
		add("iat", d)
	}
	return text, nil
}

var standing = regexp.MustCompile(`\$\{((?:token|jwks) [^}]*)\}`)

// filled puts tokens and key sets where they are named.
func (p *player) filled(data []byte) (out []byte, err error) {
	out = standing.ReplaceAllFunc(data, func(match []byte) []byte {
		name := string(match[2 : len(match)-1])
		text, known := p.stands[name]
		if !known {
			err = errors.Join(err, fmt.Errorf("there is no %s, only %s", name, strings.Join(slices.Sorted(maps.Keys(p.stands)), ", ")))
		}
		return []byte(text)
	})
	return out, err
}
