package ratelimit

// What is counted apart, and what a request costs.

import (
	"strings"

	"sallyport/expr"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/store"
	"sallyport/wire"
)

// A Per is the setting per: one of a few words, header:NAME or an expression.
type Per struct {
	is     string // the word, "header" or "expression"
	header string
	label  expr.Label
}

var words = []string{"ip", "consumer", "subject", "route"}

// UnmarshalNode reads the setting out of the document.
func (p *Per) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	for _, word := range words {
		if n.Text == word {
			p.is = word
			return nil
		}
	}
	if header, ok := strings.CutPrefix(n.Text, "header:"); ok {
		p.is, p.header = "header", header
		if !wire.ValidToken(header) {
			errs.Add(n, path, "%q is no header name; write one such as header:X-Tenant", header)
		}
		return errs
	}
	p.is = "expression"
	if errs = p.label.UnmarshalNode(n, path); len(errs) > 0 && isWord(n.Text) {
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
func (p *Per) JSONSchema() map[string]any {
	return map[string]any{"type": "string", "examples": []any{"ip", "consumer", "subject", "route", "header:X-Tenant", "request.params.tenant"}}
}

// SchemaKind says what the setting is, for the reference.
func (p *Per) SchemaKind() string {
	return "ip, consumer, subject, route, header:NAME or an expression"
}

// key returns what x counts for. Without a value it is the client's address: one bucket for all who have none
// would let the first use it up for the rest, and no bucket would let them all through.
func (p *Per) key(l *store.Limiter, x *policy.Exchange) store.Key {
	switch p.is {
	case "consumer":
		if x.Consumer != nil {
			return l.KeyText(x.Consumer.Name)
		}
	case "subject":
		if x.Auth.Subject != "" {
			return l.KeyPair(x.Auth.Issuer, x.Auth.Subject)
		}
	case "route":
		return l.KeyPair(x.Version, x.Route)
	case "header":
		if value := x.Request.Header.Get(p.header); value != "" {
			return l.KeyText(value)
		}
	case "expression":
		if value, err := p.label.Text(x); err == nil && value != "" {
			return l.KeyText(value)
		}
	}
	return l.KeyAddr(x.Client)
}

// A Cost is the setting cost.
type Cost struct{ expr.Quantity }

// of returns what x costs. What cannot be told is not let through.
func (c *Cost) of(x *policy.Exchange) (int64, error) {
	if c.IsZero() {
		return 1, nil
	}
	cost, err := c.Number(x)
	if err == nil {
		if n, ok := whole(cost); ok {
			return n, nil
		}
	}
	return 0, problem.BadRequest.New("What the request costs cannot be told from it.").Because(err)
}
