package basicauth

import (
	"encoding/base64"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/identity"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/store"
	"sallyport/wire"
)

// Hashes of "correct horse".
const (
	bcrypted = "$2a$04$6PR3mu8hchCWfDRlKi6KF.2xPMyko3tuw5MUkSwjM6hNj8RFWPLdS"
	argon    = "$argon2id$v=19$m=8192,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$64zw4y6hGNSGW1HTKDajc74EIkJpCJ+AUBXDspyrFEU"
)

func made(t *testing.T, yaml string) (policy.Policy, schema.Errors) {
	t.Helper()
	n, errs := schema.Parse("test.yaml", []byte(yaml))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	env := &plug.Env{Identity: identity.EmptyBook(identity.NewRegistry(slog.New(slog.DiscardHandler))), State: store.New(), Denied: func(string, string) func() { return func() {} }}
	return Kind.Build(n, name, env)
}

func asked(field string) *policy.Exchange {
	x := &policy.Exchange{Request: &wire.Request{}, Client: netip.MustParseAddr("192.0.2.1"), Start: time.Now()}
	if field != "" {
		x.Request.Header.Add("Authorization", field)
	}
	return x
}

func basic(pair string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)) }

var answered = &wire.Response{Status: 200}

func answer(*policy.Exchange) (*wire.Response, error) { return answered, nil }

func TestHandle(t *testing.T) {
	p, errs := made(t, "users: { alice: "+bcrypted+", 'a b': '"+argon+"' }")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	long := strings.Repeat("x", maxPair)
	for i, c := range []struct{ name, field, want, reason string }{
		{"right", basic("alice:correct horse"), "", ""},
		{"the same again", basic("alice:correct horse"), "", ""},
		{"argon2id and a space", basic("a b:correct horse"), "", ""},
		{"case of the scheme", "bAsIc " + basic("alice:correct horse")[6:], "", ""},
		{"nothing", "", "missing_credentials", "missing_credentials"},
		{"another scheme", "Digest username=alice", "missing_credentials", "missing_credentials"},
		{"a scheme that begins alike", "Basically " + basic("alice:correct horse")[6:], "missing_credentials", "missing_credentials"},
		{"nothing behind the scheme", "Basic", "invalid_credentials", "malformed"},
		{"wrong", basic("alice:correct horsE"), "invalid_credentials", "password"},
		{"empty password", basic("alice:"), "invalid_credentials", "password"},
		{"no user", basic(":correct horse"), "invalid_credentials", "malformed"},
		{"no colon", basic("alice"), "invalid_credentials", "malformed"},
		{"unknown", basic("mallory:correct horse"), "invalid_credentials", "unknown"},
		{"another case", basic("Alice:correct horse"), "invalid_credentials", "unknown"},
		{"a NUL behind", basic("alice:correct horse\x00"), "invalid_credentials", "malformed"},
		{"a line end", basic("alice\r\n:correct horse"), "invalid_credentials", "malformed"},
		{"DEL", basic("alice:correct\x7fhorse"), "invalid_credentials", "malformed"},
		{"no UTF-8", basic("alice:correct horse\xff"), "invalid_credentials", "malformed"},
		{"no padding", strings.TrimRight(basic("alice:correct horse"), "="), "invalid_credentials", "malformed"},
		{"loose bits", strings.Replace(basic("alice:correct horse"), "ZQ==", "ZR==", 1), "invalid_credentials", "malformed"},
		{"base64 of URLs", "Basic " + base64.URLEncoding.EncodeToString([]byte("alice:???>>>")), "invalid_credentials", "malformed"},
		{"two tokens", basic("alice:correct horse") + " x", "invalid_credentials", "malformed"},
		{"a list", basic("alice:correct horse") + ", " + basic("alice:correct horse"), "invalid_credentials", "malformed"},
		{"long", basic("alice:" + long[:1024]), "invalid_credentials", "password"},
		{"longer", basic("alice:" + long[:1025]), "invalid_credentials", "password"},
		{"too long", basic("alice:" + long), "invalid_credentials", "malformed"},
		{"far too long", "Basic " + strings.Repeat("QUFB", 20000), "invalid_credentials", "malformed"},
	} {
		x := asked(c.field)
		x.Client = netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}) // nobody guesses too often
		said := p.(policy.Explainer).Explain(asked(c.field))
		resp, err := p.Handle(x, answer)
		if c.want == "" {
			if err != nil || resp != answered || x.Auth.Type != name || x.Auth.Subject == "" || x.Request.Header.Has("Authorization") || said.Err != nil {
				t.Errorf("%s: %v %+v", c.name, err, x.Auth)
			}
			continue
		}
		var pr *problem.Problem
		if !errors.As(err, &pr) || pr.Name != c.want || x.Denied.Reason != c.reason || x.Auth.Type != "" {
			t.Errorf("%s: got %v for %+v, want %s for %s", c.name, err, x.Denied, c.want, c.reason)
			continue
		}
		if len(pr.Header) != 1 || pr.Header[0] != [2]string{"WWW-Authenticate", `Basic realm="sallyport", charset="UTF-8"`} {
			t.Errorf("%s: %v", c.name, pr.Header)
		}
		if problem.From(said.Err).Name != c.want || strings.Contains(said.Why, "horse") {
			t.Errorf("%s: explained as %v: %s", c.name, said.Err, said.Why)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	good := file("good", "# users\r\n\r\nalice:"+bcrypted+"\r\n")
	for _, c := range []struct{ yaml, want string }{
		{"htpasswd: " + good, ""},
		{"{}", ""},
		{"{ htpasswd: " + good + ", users: { alice: " + bcrypted + " } }", `"alice" stands in the file of htpasswd as well`},
		{"{ htpasswd: " + file("twice", "a:"+bcrypted+"\na:"+argon+"\n") + " }", `line 2: "a" stands there twice`},
		{"{ htpasswd: " + file("empty", "# nobody\n") + " }", "it has no users"},
		{"{ htpasswd: " + file("nameless", ":"+bcrypted+"\n") + " }", "line 1: the name of a user is missing"},
		{"{ htpasswd: " + file("control", "a\x01b:"+bcrypted+"\n") + " }", "is no name of a user"},
		{"{ htpasswd: " + filepath.Join(dir, "none") + " }", "no such file"},
		{"{ htpasswd: " + dir + " }", "is a directory"},
		{"{ users: { alice: hunter2hunter2 } }", "users.alice: not hashed"},
		{"{ users: { 'a:b': " + bcrypted + " } }", "without colons"},
		{"{ consumers: false }", "nobody could come in"},
		{"{ realm: \"Café\" }", "printable ASCII"},
		{"{ relm: x }", `did you mean "realm"`},
	} {
		_, errs := made(t, c.yaml)
		if got := errs.Error(); c.want == "" && len(errs) > 0 || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.yaml, got, c.want)
		} else if strings.Contains(got, "hunter2") {
			t.Errorf("%s: %q repeats what may be a password", c.yaml, got)
		}
	}
}

// What was shown does not stay in memory that others get.
func TestDecodedIsWiped(t *testing.T) {
	d := new(decoded)
	if !d.read(basic("alice:correct horse")[6:]) || string(d.user()) != "alice" || string(d.password()) != "correct horse" {
		t.Fatalf("%q %q", d.user(), d.password())
	}
	d.free()
	if *d != (decoded{}) {
		t.Error("something is left")
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"YWxpY2U6Y29ycmVjdCBob3JzZQ==", "", "=", "YQ==", "Og==", "YTo=", "YQ\r\n=="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d := new(decoded)
		if !d.read(text) {
			return
		}
		pair := string(d.user()) + ":" + string(d.password())
		if base64.StdEncoding.EncodeToString([]byte(pair)) != text || strings.Contains(string(d.user()), ":") || len(d.user()) == 0 {
			t.Errorf("%q is read as %q", text, pair)
		}
	})
}

func BenchmarkKnown(b *testing.B) {
	h, _ := identity.ParseHash(bcrypted)
	g := &guard{users: map[string]identity.Account{"alice": {Name: "alice", Hash: h}}, book: identity.EmptyBook(identity.NewRegistry(slog.New(slog.DiscardHandler))), guesses: identity.GuardOf(store.New())}
	x, field := asked(""), basic("alice:correct horse")
	b.ReportAllocs()
	for b.Loop() {
		x.Request.Header.Reset()
		x.Request.Header.AddKnown(wire.Authorization, field)
		if _, err := g.Handle(x, answer); err != nil {
			b.Fatal(err)
		}
	}
}
