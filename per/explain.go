package per

import (
	"fmt"

	"sallyport/expr"
	"sallyport/policy"
	"sallyport/telemetry"
)

// Explain says what x counts for, without what could be secret.
func (k *Key) Explain(x *policy.Exchange) string {
	what, value, secret := k.is, "", false
	switch k.is {
	case "consumer":
		if x.Consumer != nil {
			value = x.Consumer.Name
		}
	case "subject":
		value = x.Auth.Subject
	case "route":
		value = x.Route
	case "header":
		what, value, secret = "header "+k.header, x.Request.Header.Get(k.header), telemetry.SecretName(k.header)
	case "expression":
		what = k.label.String()
		value, _ = k.label.Text(x)
		for _, ref := range k.label.Uses() {
			secret = secret || mayBeSecret(ref)
		}
	}
	switch {
	case k.is == "ip":
		return "per ip " + network(x)
	case value == "":
		return fmt.Sprintf("per ip %s, since there is no %s", network(x), what)
	case secret:
		return fmt.Sprintf("per %s, whose value is not shown", what)
	}
	return fmt.Sprintf("per %s %q", what, value)
}

func mayBeSecret(r expr.Ref) bool {
	return r.Field == "cookies" || r.Field == "body" || r.Field == "claims" || r.Key == "" && (r.Field == "headers" || r.Field == "query") || telemetry.SecretName(r.Key)
}

// network is what counts as one client.
func network(x *policy.Exchange) string {
	a := x.Client
	if a.Is6() && !a.Is4In6() {
		p, _ := a.Prefix(64)
		return p.String()
	}
	return a.String()
}
