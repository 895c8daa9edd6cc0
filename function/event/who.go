package event

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"

	"sallyport/policy"
	"sallyport/wire"
)

// This file tells functions who sent a request, as policies found out. No credentials are in it.

// authorizerV1 is nil for nobody.
func authorizerV1(x *policy.Exchange) map[string]any {
	a := whose(x)
	if a == nil {
		return nil
	}
	if claims := stringClaims(x.Auth.Claims); claims != nil {
		a["claims"] = claims
	}
	return a
}

// authorizerV2 is nil for nobody.
func authorizerV2(x *policy.Exchange) map[string]any {
	if x.Auth.Type == "jwt" {
		var scopes any // null, as Amazon says for none
		if len(x.Auth.Scopes) > 0 {
			scopes = x.Auth.Scopes
		}
		return map[string]any{"jwt": map[string]any{"claims": stringClaims(x.Auth.Claims), "scopes": scopes}}
	}
	if a := whose(x); a != nil {
		return map[string]any{"lambda": a}
	}
	return nil
}

// whose is what an authorizer of our own says.
func whose(x *policy.Exchange) map[string]any {
	if x.Auth.Type == "" && x.Consumer == nil {
		return nil
	}
	a := map[string]any{}
	if c := x.Consumer; c != nil {
		a["principalId"], a["consumer"] = c.Name, c.Name
		if c.Plan != "" {
			a["plan"] = c.Plan
		}
	}
	if x.Auth.Subject != "" {
		a["principalId"] = x.Auth.Subject
	}
	return a
}

// stringClaims are claims as text, a list as [a b].
func stringClaims(claims map[string]any) map[string]string {
	if claims == nil {
		return nil
	}
	out := map[string]string{}
	for name, value := range claims {
		out[name] = claimText(value)
	}
	return out
}

func claimText(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = claimText(v[i])
		}
		return "[" + strings.Join(parts, " ") + "]"
	case []string:
		return "[" + strings.Join(v, " ") + "]"
	case float64:
		if v == float64(int64(v)) {
			return fmt.Sprint(int64(v))
		}
	}
	b, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	return string(b)
}

// A certificate is the one that the client proved itself with.
type certificate struct {
	PEM      string   `json:"clientCertPem"`
	Subject  string   `json:"subjectDN"`
	Issuer   string   `json:"issuerDN"`
	Serial   string   `json:"serialNumber"`
	Validity validity `json:"validity"`
}

type validity struct {
	NotBefore string `json:"notBefore"`
	NotAfter  string `json:"notAfter"`
}

// clientCertificate is nil when there is none that was verified.
func clientCertificate(r *wire.Request) *certificate {
	if r.Conn == nil || r.Conn.TLS == nil || len(r.Conn.TLS.VerifiedChains) == 0 || len(r.Conn.TLS.PeerCertificates) == 0 {
		return nil
	}
	return describe(r.Conn.TLS.PeerCertificates[0])
}

// distinguished is a name in the order of the certificate, as Amazon has it: C=US,O=Acme,CN=client. RFC 4514 turns it round.
func distinguished(raw []byte) string {
	var name pkix.RDNSequence
	if _, err := asn1.Unmarshal(raw, &name); err != nil {
		return ""
	}
	slices.Reverse(name)
	return name.String()
}

// certClock is how OpenSSL writes the times of certificates.
const certClock = "Jan _2 15:04:05 2006 GMT"

func describe(c *x509.Certificate) *certificate {
	return &certificate{
		PEM:     string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})),
		Subject: distinguished(c.RawSubject), Issuer: distinguished(c.RawIssuer), Serial: c.SerialNumber.String(),
		Validity: validity{c.NotBefore.UTC().Format(certClock), c.NotAfter.UTC().Format(certClock)},
	}
}
