package gateway

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

// Every problem can be told in every dialect: with a status of an error, in a body that can be read, without the detail or cause, which
// are for others.
func TestEveryProblemInEveryDialect(t *testing.T) {
	for name, d := range dialects {
		if d.name != name {
			t.Errorf("%s is called %s", name, d.name)
		}
		for _, kind := range problem.All() {
			f := &flow{x: policy.Exchange{Request: &wire.Request{}, ID: "the-id"}}
			p := kind.New("of the inside").With("Allow", "GET").With("WWW-Authenticate", "Bearer").With("X-Kept", "1")
			resp := d.answer(f, p)
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.Length != int64(len(body)) || resp.Status < 400 || resp.Status > 599 || strings.Contains(string(body), "inside") {
				t.Errorf("%s, %s: %d %s, %v", name, kind.Name, resp.Status, body, err)
			}
			if kind.Name != "body_too_large" && !json.Valid(body) || strings.Contains(string(body), "%") || strings.Contains(string(body), `:""`) {
				t.Errorf("%s, %s: the body is %s", name, kind.Name, body)
			}
			h := &resp.Header
			if h.HasKnown(wire.Allow) != (resp.Status == 405) || h.HasKnown(wire.WWWAuthenticate) != (resp.Status == 401) || h.Get("X-Kept") != "1" {
				t.Errorf("%s, %s: %d has the wrong fields", name, kind.Name, resp.Status)
			}
		}
	}
}
