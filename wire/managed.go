package wire

// The names that a client may not say, because servers behind a gateway take them for the gateway's own words: who the
// client is, where it comes from, what it really asked for. They are told apart in the reading of the most lenient server:
// CGI and its heirs turn "-", "_" and "." into one, so one folded spelling stands for all of them.

// managedNames holds the names in folded spelling; a "*" at the end stands for anything, also for nothing.
var managedNames = []string{
	// Where the client is and how it came.
	"forwarded", "x-forwarded*", "x-original-*", "x-originating-*", "x-real-*",
	"true-client-ip", "client-ip", "x-client-ip", "x-clientip", "x-client-port", "x-cluster-client-ip", "x-proxyuser-ip",
	"x-envoy-*", "x-azure-clientip", "x-azure-socketip", "x-appengine-*", "cf-*", "cloudfront-viewer-*",
	"fastly-client-ip", "fastly-ssl", "fastly-ff", "wl-proxy-*", "proxy-client-ip",
	"x-scheme", "x-url-scheme", "front-end-https",
	// What it really asks for.
	"x-rewrite-url", "x-host", "x-http-host-override", "x-host-override", "x-script-name", "x-path-info",
	"x-http-method", "x-http-method-override", "x-method-override", "x-middleware-*", "x-sendfile*", "x-accel-*",
	"proxy", // becomes HTTP_PROXY in CGI
	// Who it is.
	"x-user", "x-user-*", "x-userid", "x-username", "x-useremail", "x-userinfo", "x-consumer*", "x-anonymous-consumer",
	"x-credential*", "x-auth", "x-auth-*", "x-authenticated*", "x-webauth-*", "remote-*", "x-remote-*",
	"x-goog-iap-*", "x-goog-authenticated-*", "x-apigateway-api-*", "x-endpoint-api-*", "x-amzn-oidc-*", "x-ms-client-principal*",
	// What its certificate says (Client-Cert is RFC 9440).
	"client-cert", "client-cert-chain", "ssl-*", "x-ssl-*", "x-client-cert*", "x-client-verify", "x-client-dn",
	"x-tls-client-*", "x-arr-clientcert", "x-arr-ssl", "x-amzn-mtls-*",
	// The gateway's own.
	"x-request-id", "sallyport-*", "x-sallyport-*",
}

// unmanagedNames are let through although a family above would hold them: they are proofs that a client brings, not
// claims about it, or say what its program is.
var unmanagedNames = []string{"x-user-agent", "x-auth-token", "x-auth-key", "x-auth-signature", "x-auth-nonce", "x-auth-timestamp"}

// managedNameIDs is Managed for the known names.
var managedNameIDs = func() (t [nameCount]bool) {
	for n := Other + 1; n < nameCount; n++ {
		t[n] = Managed(names[n])
	}
	return t
}()

// Managed says whether name is one that a client may not say, in whatever spelling. It holds for header fields
// and for trailers alike.
func Managed(name string) bool {
	at := 0
	if len(name) > 3 && nameFold[name[0]] == 'x' && nameFold[name[1]] == '-' {
		at = 2
	}
	if len(name) < at+2 {
		return false
	}
	start := nameStart(nameFold[name[at]], nameFold[name[at+1]])
	if !managedStart[start] {
		return false
	}
	for _, p := range managedByStart[start] {
		if p.matches(name) {
			return !unmanaged(name)
		}
	}
	return false
}

func unmanaged(name string) bool {
	for _, u := range unmanagedNames {
		if EqualFold(name, u) { // no other spelling: a server that folds takes it for what it is
			return true
		}
	}
	return false
}

// A namePattern is one of managedNames.
type namePattern struct {
	text   string
	prefix bool
}

func (p *namePattern) matches(name string) bool {
	if len(name) < len(p.text) || len(name) > len(p.text) && !p.prefix {
		return false
	}
	for i := len(p.text) - 1; i >= 0; i-- { // the beginnings are alike already
		if nameFold[name[i]] != p.text[i] {
			return false
		}
	}
	return true
}

// nameFold maps the spellings that a lenient server takes for one name onto one.
var nameFold = func() [256]byte {
	t := lower
	t['_'], t['.'] = '-', '-'
	return t
}()

// Most names are told from the managed ones by a look at two bytes: the first, or those behind "x-".
var managedStart, managedByStart = func() (starts [1 << 10]bool, by [1 << 10][]namePattern) {
	for _, n := range managedNames {
		p := namePattern{text: n}
		if n[len(n)-1] == '*' {
			p = namePattern{n[:len(n)-1], true}
		}
		at := 0
		if n[:2] == "x-" {
			at = 2
		}
		start := nameStart(n[at], n[at+1])
		starts[start] = true
		by[start] = append(by[start], p)
	}
	return starts, by
}()

func nameStart(a, b byte) int { return int(a&31)<<5 | int(b&31) }
