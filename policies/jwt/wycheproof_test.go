package jwt

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/policy"
)

const wycheproof = "github.com/c2sp/wycheproof@v0.0.0-20260902155932-3fa63dd0344a"

// wycheproofDir is where the vectors are. The module is fetched and not required: it would raise the version of Go that this one needs.
func wycheproofDir(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", wycheproof)
	cmd.Dir = t.TempDir()
	out, err := cmd.Output()
	var got struct{ Dir string }
	if err != nil || json.Unmarshal(out, &got) != nil || got.Dir == "" {
		t.Fatalf("the vectors cannot be had: %v %s", err, out)
	}
	return filepath.Join(got.Dir, "testvectors_v1")
}

// A vectorGroup is some tests with one key, or one set of keys.
type vectorGroup struct {
	Type            string
	Comment         string
	Public, Private json.RawMessage
	Tests           []struct {
		TcID    int
		Comment string
		JWS     json.RawMessage
		JWE     json.RawMessage
		Result  string
	}
}

// exceptions are vectors that come out otherwise here than Wycheproof says, by file and number, each with its reason.
var exceptions = map[string]string{
	"json_web_signature_test.json 346": "the key says that it is for PS256 and the token is signed by PS384: a key is for what it says (RFC 7517 §4.4)",
	"json_web_signature_test.json 350": "as 346",
	"json_web_signature_test.json 347": "the key says that it is for ES521, which is no algorithm (RFC 7518 §3.1 has ES512)",
	"json_web_signature_test.json 351": "as 347",
	"json_web_signature_test.json 367": "its padding was lost when the vectors were written down: what is left is the good token 357, letter by letter",
	"json_web_signature_test.json 370": "as 367",
	"json_web_signature_test.json 372": "a question mark within base64url, which is to be passed over according to the vector and makes the token malformed according to RFC 7515 §2",
	"json_web_signature_test.json 373": "as 372",
	"json_web_key_test.json 2":         "several secrets in a set of keys: a secret stands in the setting secret, alone, and never comes from a set",
	"json_web_crypto_test.json 48":     "as 2",
}

func TestWycheproof(t *testing.T) {
	dir := wycheproofDir(t)
	for file, least := range map[string]int{"json_web_signature_test.json": 380, "json_web_key_test.json": 25, "json_web_crypto_test.json": 40} {
		t.Run(file, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil {
				t.Fatal(err)
			}
			var all struct{ TestGroups []vectorGroup }
			if err := json.Unmarshal(text, &all); err != nil {
				t.Fatal(err)
			}
			ran := 0
			for i := range all.TestGroups {
				ran += playVectors(t, file, &all.TestGroups[i])
			}
			if ran < least {
				t.Errorf("only %d vectors were tried, want at least %d", ran, least)
			}
		})
	}
}

// playVectors tries each token of a group and returns how many there were.
func playVectors(t *testing.T, file string, g *vectorGroup) (ran int) {
	raw := g.Public
	if raw == nil {
		raw = g.Private // a secret
	}
	keys := vectorKeys(t, raw)
	for _, test := range g.Tests {
		if test.JWS == nil { // a JWE, all of which are refused
			var text string
			if json.Unmarshal(test.JWE, &text) == nil {
				if _, why := parse(text, new(heads)); why == good {
					t.Errorf("%s %d: a JWE can be read", g.Comment, test.TcID)
				}
				ran++
			}
			continue
		}
		ran++
		text := string(test.JWS)
		_ = json.Unmarshal(test.JWS, &text) // else it is in the JSON serialization
		want := test.Result == "valid"
		if exceptions[fmt.Sprintf("%s %d", file, test.TcID)] != "" {
			want = !want
		}
		if got := signedBy(text, keys); got != want {
			t.Errorf("%s %d %s: %v, want %s", g.Comment, test.TcID, test.Comment, got, test.Result)
		}
	}
	return ran
}

// vectorKeys reads a key or a set of them, as the settings would. Secrets in them stand for the setting secret, one of which there can be.
func vectorKeys(t *testing.T, raw json.RawMessage) (keys []*key) {
	t.Helper()
	v, err := policy.DecodeJSON(raw)
	if err != nil {
		t.Fatal(err)
	}
	m := v.(map[string]any)
	list, isSet := m["keys"].([]any)
	if !isSet {
		list = []any{m}
	}
	for _, item := range list {
		jwk := item.(map[string]any)
		if k, is := jwk["k"].(string); is {
			alg, _ := jwk["alg"].(string)
			if b, ok := decode(k); ok && algorithms[alg] != nil && len(list) == 1 {
				keys = append(keys, &key{id: jwk["kid"].(string), algorithm: alg, public: secret(b)})
			}
			continue
		}
		if k, err := parseKey(jwk); err == nil {
			keys = append(keys, k)
		}
	}
	return keys
}

// signedBy says whether a token is signed by one of keys. Payloads of vectors are not claims, so that of a good token is put in their place where it is read.
func signedBy(text string, keys []*key) bool {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return false
	}
	if _, ok := decode(parts[1]); !ok {
		return false
	}
	p, why := parse(parts[0]+".e30."+parts[2], new(heads))
	if why != good {
		return false
	}
	p.signed = []byte(parts[0] + "." + parts[1])
	ring := fixed(keys, false)
	for _, k := range ring.fitting(&p) {
		if p.algorithm.verify(k, p.signed, p.signature) {
			return true
		}
	}
	return false
}
