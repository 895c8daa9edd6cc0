package gateway

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"sallyport/lint"
	"sallyport/schema"
)

// This file finds what is unwise about the tokens that routes take.

var (
	anyAudience = lint.Define(lint.Rule{Code: "SP621", Title: "Tokens for anybody",
		Why:     "Without audience a token that the issuer made for any other service lets its holder in here as well, and so does each of those services, with the tokens that it gets.",
		Do:      "Set audience to what the issuer puts into the claim aud of tokens that are for this api.",
		Example: "policies: [{ jwt: { issuer: https://idp.example.com } }]"})
	longLeeway = lint.Define(lint.Rule{Code: "SP622", Title: "Tokens long after their end",
		Why:     "With a leeway of more than five minutes tokens are good for that long after they have expired. Clocks that differ so much are broken.",
		Do:      "Leave leeway at 60s, and set the clocks by NTP.",
		Example: "jwt: { issuer: https://idp.example.com, audience: shop, leeway: 1h }"})
	plainKeys = lint.Define(lint.Rule{Code: "SP623", Title: "Keys over plain HTTP",
		Why:     "Whoever sits between gateway and issuer can put in keys of their own, and then make every token.",
		Do:      "Fetch them over https; with a certificate of your own, name it in jwks.ca_file.",
		Example: "jwt: { issuer: idp, audience: shop, jwks_url: http://idp.internal/keys, jwks: { allow_http: true } }"})
	tokenInQuery = lint.Define(lint.Rule{Code: "SP624", Title: "Tokens in URLs",
		Why:     "URLs end up in histories, in logs of others and in the Referer field that browsers send on. Whoever sees one has the token (RFC 6750 §5.3).",
		Do:      "Take tokens from the Authorization field; if clients cannot, such as a WebSocket of a page, give them tokens that live for seconds.",
		Example: "jwt: { issuer: https://idp.example.com, audience: shop, from: [query:access_token] }"})
	endlessToken = lint.Define(lint.Rule{Code: "SP625", Title: "Tokens without an end",
		Why:     "A token without exp is good for ever: only its key, or a revocation, ends it.",
		Do:      "Leave exp in require, or set max_age.",
		Example: "jwt: { issuer: https://idp.example.com, audience: shop, require: [sub] }"})
	anyIssuer = lint.Define(lint.Rule{Code: "SP626", Severity: lint.Note, Title: "Tokens of whoever has the key",
		Why:     "Without issuer the claim iss is not looked at. Where one key signs for several issuers, the tokens of all of them pass. And whoever has the key may name any issuer, such as that of another policy, and so be taken for one of its consumers.",
		Do:      "Set issuer to what stands in the claim iss.",
		Example: "jwt: { jwks_url: https://idp.example.com/keys, audience: shop }"})
)

// maxLeeway is what clocks may differ by before it is unwise.
const maxLeeway = 5 * time.Minute

// token looks at the settings of one policy jwt.
func (b *builder) token(n *schema.Node, path string) {
	b.inURL(tokenInQuery, n.Field("from"), path+".from", "tokens in URLs are seen by others")
	if leeway := n.Field("leeway"); leeway != nil {
		if d, err := schema.ParseDuration(leeway.Text); err == nil && d > maxLeeway {
			b.finds(longLeeway, leeway, path+".leeway", "tokens are good for %s after they have expired", leeway.Text)
		}
	}
	if require := n.Field("require"); require != nil && n.Field("max_age") == nil {
		if !slices.ContainsFunc(require.List(), func(item *schema.Node) bool { return item.Text == "exp" }) {
			b.finds(endlessToken, require, path+".require", "a token without exp passes, and is good for ever")
		}
	}
	issuers := n.Field("issuers").List()
	if len(issuers) == 0 {
		b.trusted(n, n, path)
	}
	for i, one := range issuers {
		b.trusted(n, one, schema.Index(path+".issuers", i))
	}
}

// trusted looks at the settings of one issuer, which may be all of the policy's.
func (b *builder) trusted(all, n *schema.Node, path string) {
	if n.Field("audience") == nil && all.Field("audience") == nil {
		b.finds(anyAudience, n, path, "a token for any audience passes")
	}
	if n.Field("issuer") == nil {
		b.finds(anyIssuer, n, path, "a token of any issuer passes if the key fits")
	}
	if fieldText(n.Field("jwks"), "allow_http") != "true" {
		return
	}
	for _, name := range []string{"jwks_url", "issuer"} {
		u, err := url.Parse(fieldText(n, name))
		if err != nil || u.Scheme != "http" {
			continue
		}
		if a, err := netip.ParseAddr(u.Hostname()); u.Hostname() != "localhost" && (err != nil || !a.IsLoopback()) {
			b.finds(plainKeys, n.Field(name), path+"."+name, "the keys come over plain HTTP")
			return
		}
	}
}

// inURL finds places in URLs.
func (b *builder) inURL(r *lint.Rule, places *schema.Node, path, text string) {
	for i, place := range places.List() {
		if strings.HasPrefix(place.Text, "query:") {
			at := path
			if places.Kind == schema.List {
				at = schema.Index(path, i)
			}
			b.finds(r, place, at, "%s", text)
		}
	}
}
