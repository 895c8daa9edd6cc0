package jwt

import (
	"strings"
	"testing"
)

// The examples of the RFCs, letter by letter.
const (
	// RFC 7515 A.1, which is RFC 7519 §3.1.
	rfcHS256  = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	rfcSecret = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
	// RFC 7515 A.2.
	rfcRS256 = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ." +
		"cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
	rfcRSAKey = `{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}`
	// RFC 7515 A.3.
	rfcES256 = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
	rfcECKey = `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`
	// RFC 7515 A.4; what is signed is no object.
	rfcES512    = "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn"
	rfcP521Key  = `{"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}`
	rfcUnsigned = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."                         // RFC 7515 A.5, RFC 7519 §6.1
	rfcCritical = "eyJhbGciOiJub25lIiwNCiAiY3JpdCI6WyJodHRwOi8vZXhhbXBsZS5jb20vVU5ERUZJTkVEIl0sDQogImh0dHA6Ly9leGFtcGxlLmNvbS9VTkRFRklORUQiOnRydWUNCn0.RkFJTA." // RFC 7515 E
	// RFC 8037 A.4, Ed25519; what is signed is no object.
	rfcEdDSA     = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
	rfcEdDSAKey  = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
	rfcEncrypted = "eyJhbGciOiJSU0ExXzUiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0.AAAA.AxY8DCtDaGlsbGljb3RoZQ.MKOle7UQrG6nSxTLX6Mqwt0orbHvAKeWnDYvpIAeZ72deHxz3roJDXQyhxx0wKaMHDjUEOKIwrtkHthpqEanSBNYHZgmNOV7sln1Eu9g3J8.fiK51VwhsxJ-siBMR-YFiA" // RFC 7519 A.1, its key shortened
)

func TestRFCExamples(t *testing.T) {
	secretKey, _ := decode(rfcSecret)
	hmac := &key{public: secret(secretKey)}
	for _, c := range []struct {
		name, token string
		key         *key
		why         reason // of reading it
		claims      bool   // it has some
	}{
		{"RFC 7515 A.1, RFC 7519 3.1", rfcHS256, hmac, good, true},
		{"RFC 7515 A.2", rfcRS256, jwkOf(t, rfcRSAKey), good, true},
		{"RFC 7515 A.3", rfcES256, jwkOf(t, rfcECKey), good, true},
		{"RFC 7515 A.4", rfcES512, jwkOf(t, rfcP521Key), malformed, false},
		{"RFC 7515 A.5, RFC 7519 6.1", rfcUnsigned, hmac, algorithmNo, false},
		{"RFC 7515 E", rfcCritical, hmac, algorithmNo, false},
		{"RFC 7519 A.1", rfcEncrypted, hmac, malformed, false},
		{"RFC 8037 A.4", rfcEdDSA, jwkOf(t, rfcEdDSAKey), malformed, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, why := parse(c.token, new(heads))
			if why == good {
				why = p.open()
			}
			if why != c.why {
				t.Fatalf("reading it: %q, want %q", why, c.why)
			}
			if c.claims && (p.claims["iss"] != "joe" || p.claims["exp"] != int64(1300819380) || p.claims["http://example.com/is_root"] != true) {
				t.Errorf("it says %v", p.claims)
			}
			if want := c.why == good || c.why == malformed && c.name != "RFC 7519 A.1"; signedBy(c.token, []*key{c.key}) != want {
				t.Errorf("its signature is not found to be %v", want)
			}
			spoilt := c.token[:len(c.token)-12] + "A" + c.token[len(c.token)-11:]
			if spoilt != c.token && signedBy(spoilt, []*key{c.key}) {
				t.Error("it is as good with another signature")
			}
		})
	}
}

func jwkOf(t *testing.T, text string) *key {
	t.Helper()
	k, err := parseOne([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// What is signed by another secret is refused for that, and not for what it says.
func TestRFCExampleThroughThePolicy(t *testing.T) {
	w := newWorld(t)
	g := w.gate("{secret: " + strings.Repeat("s", 32) + ", issuer: joe}")
	if why, _ := send(g, rfcHS256); why != "signature" {
		t.Errorf("got %q", why)
	}
}
