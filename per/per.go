// Package per is the setting per: what a policy counts apart.
package per

import (
	"strings"

	"sallyport/expr"
	"sallyport/policy"
	"sallyport/schema"
	"sallyport/store"
	"sallyport/wire"
)

// A Key is the setting per: one of a few words, header:NAME or an expression.
type Key struct {
	is     string // the word, "header" or "expression"
	header string
	label  expr.Label
}

var words = []string{"ip", "consumer", "subject", "route"}

// UnmarshalNode reads the setting out of the document.
func (k *Key) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	for _, word := range words {
		if n.Text == word {
			k.is = word
			return nil
		}
	}
	if header, ok := strings.CutPrefix(n.Text, "header:"); ok {
		k.is, k.header = "header", header
		if !wire.ValidToken(header) {
			errs.Add(n, path, "%q is no header name; write one such as header:X-Tenant", header)
		}
		return errs
	}
	k.is = "expression"
	if errs = k.label.UnmarshalNode(n, path); len(errs) > 0 && isWord(n.Text) {
		errs = nil
		errs.Add(n, path, "%q is no expression, and none of %s and header:NAME%s", n.Text, strings.Join(words, ", "), didYouMean(n.Text))
	}
	return errs
}

func isWord(s string) bool { return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") == "" }

func didYouMean(word string) string {
	if near := schema.Nearest(word, words); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// JSONSchema describes the setting for editors.
func (k *Key) JSONSchema() map[string]any {
	return map[string]any{"type": "string", "examples": []any{"ip", "consumer", "subject", "route", "header:X-Tenant", "request.params.tenant"}}
}

// SchemaKind says what the setting is, for the reference.
func (k *Key) SchemaKind() string {
	return "ip, consumer, subject, route, header:NAME or an expression"
}

// Consumer is the key of that word.
func Consumer() Key { return Key{is: "consumer"} }

// Is names the sort of value that counts: one of the words, header or expression.
func (k *Key) Is() string { return k.is }

// Of returns what x counts for. Without a value it is the client's address: one bucket for all who have none
// would let the first use it up for the rest, and no bucket would let them all through.
func (k *Key) Of(keys *store.Keys, x *policy.Exchange) store.Key {
	switch k.is {
	case "consumer":
		if x.Consumer != nil {
			return keys.KeyText(x.Consumer.Name)
		}
	case "subject":
		if x.Auth.Subject != "" {
			return keys.KeyPair(x.Auth.Issuer, x.Auth.Subject)
		}
	case "route":
		return keys.KeyPair(x.Version, x.Route)
	case "header":
		if value := x.Request.Header.Get(k.header); value != "" {
			return keys.KeyText(value)
		}
	case "expression":
		if value, err := k.label.Text(x); err == nil && value != "" {
			return keys.KeyText(value)
		}
	}
	return keys.KeyAddr(x.Client)
}
