package plug

// What policies are for, by kind: which of them may stand for each other, and where they are wise.

// Authenticates are the kinds of policies that find out who sent a request.
var Authenticates = []string{"jwt", "api_key", "basic_auth", "introspection", "oidc", "mtls", "signature", "forward_auth"}

// Guards are the kinds of policies that keep requests out by anything else, without counting.
var Guards = []string{"ip_filter", "geo_filter", "csrf", "authorize", "opa", "cedar"}
