package anyof

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

// A fake authenticates by one field of the header: "good" is known, "foreign" another's, "weak" known and not enough, anything else wrong.
type fake struct {
	field    string
	optional bool
	deny     func(*policy.Exchange)
}

func (f *fake) Challenge() string { return "Fake realm=" + f.field }

func (f *fake) Asserts() []string { return []string{"X-Who"} }

func (f *fake) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	v, found := x.Request.Header.Lookup(f.field)
	x.Request.Header.Del(f.field)
	x.Auth.Issuer = "of " + f.field
	switch {
	case !found && f.optional:
		return next(x)
	case !found:
		f.deny(x)
		return nil, problem.NoCredentials.New("").With(challengeField, f.Challenge())
	case v == "good":
		x.Auth = policy.Auth{Type: f.field, Subject: "me"}
		x.Request.Header.Set("X-Who", f.field)
		resp, err := next(x)
		if err == nil {
			resp.Header.Add("X-Passed", f.field)
		}
		return resp, err
	case v == "weak":
		f.deny(x)
		return nil, problem.Forbidden.New("")
	case v == "answer":
		f.deny(x)
		resp := &wire.Response{Status: 401, Body: wire.BytesBody([]byte("no"))}
		resp.Header.Add(challengeField, "Own")
		return resp, nil
	}
	f.deny(x)
	x.Denied.Foreign = v == "foreign"
	return nil, problem.BadCredentials.New("").With(challengeField, `Fake error="wrong"`)
}

type guard struct{ deny func(*policy.Exchange) }

func (g *guard) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	if x.Request.Header.Get("From") != "office" {
		g.deny(x)
		return nil, problem.Forbidden.New("")
	}
	return next(x)
}

// made builds an any_of of lists of kinds, such as "jwt ip_filter+jwt": the field of jwt is Jwt.
func made(t testing.TB, settings, kinds string) (policy.Policy, map[string]int) {
	t.Helper()
	n, errs := schema.Parse("test.yaml", []byte(settings))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	counts := map[string]int{}
	env := &plug.Env{Denied: func(p, reason string) func() { return func() { counts[p+" "+reason]++ } }}
	env.Policies = func(_ []*schema.Node, denied plug.Counters) (lists [][]plug.Step, ok bool) {
		inner := &plug.Env{Denied: denied}
		for list := range strings.FieldsSeq(kinds) {
			var steps []plug.Step
			for kind := range strings.SplitSeq(list, "+") {
				kind, optional := strings.CutSuffix(kind, "?")
				switch kind {
				case "ip_filter":
					steps = append(steps, step(kind, &guard{inner.Denier(kind, "denied")}))
				case "never":
					steps = append(steps, step("authorize", never{}))
				default:
					steps = append(steps, step(kind, &fake{kind, optional, inner.Denier(kind, "refused")}))
				}
			}
			lists = append(lists, steps)
		}
		return lists, true
	}
	p, errs := Kind.Build(n, "any_of", env)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return p, counts
}

type never struct{}

func (never) Handle(*policy.Exchange, policy.Handler) (*wire.Response, error) {
	return nil, problem.Forbidden.Wrap(plug.ErrNotHeld)
}

const strict, lenient = "[{a: {}}]", "{policies: [{a: {}}], on_invalid: next}"

func TestAnyOf(t *testing.T) {
	for _, c := range []struct {
		name, settings, kinds string
		header                string // Name:value, apart by spaces
		want                  string // who won, or the problem and who denied
		challenges            int
	}{
		{"first", strict, "jwt api_key", "jwt:good api_key:good", "jwt", 0},
		{"second", strict, "jwt api_key", "api_key:good", "api_key", 0},
		{"none", strict, "jwt api_key basic_auth", "", "missing_credentials any_of", 3},
		{"wrong first ends it", strict, "jwt api_key", "jwt:bad api_key:good", "invalid_credentials jwt", 2},
		{"wrong second", strict, "jwt api_key", "api_key:bad", "invalid_credentials api_key", 2},
		{"another's", strict, "jwt api_key", "jwt:foreign api_key:good", "api_key", 0},
		{"nobody's", strict, "jwt api_key", "jwt:foreign", "invalid_credentials jwt", 2},
		{"wrong and lenient", lenient, "jwt api_key", "jwt:bad api_key:good", "api_key", 0},
		{"all wrong and lenient", lenient, "jwt api_key", "jwt:bad api_key:bad", "invalid_credentials jwt", 2},
		{"known and not enough", lenient, "jwt api_key", "jwt:weak api_key:good", "forbidden jwt", 0},
		{"from the office", strict, "ip_filter jwt", "From:office", "", 0},
		{"from elsewhere", strict, "ip_filter jwt", "", "missing_credentials any_of", 1},
		{"from elsewhere, known", strict, "ip_filter jwt", "jwt:good", "jwt", 0},
		{"guards only", strict, "ip_filter ip_filter", "", "forbidden ip_filter", 0},
		{"all of a list", strict, "ip_filter+api_key jwt", "From:office api_key:good", "api_key", 0},
		{"half of a list", strict, "ip_filter+api_key jwt", "api_key:good", "missing_credentials any_of", 2},
		{"half of a list, another", strict, "api_key+ip_filter jwt", "api_key:good jwt:good", "jwt", 0},
		{"a condition that does not hold", strict, "never+jwt", "jwt:good", "forbidden ", 0},
		{"optional is last", strict, "jwt? api_key", "api_key:good", "api_key", 0},
		{"optional", strict, "jwt? api_key", "", "", 0},
		{"optional and wrong", strict, "jwt? api_key", "api_key:bad", "invalid_credentials api_key", 2},
		{"optional and another's", strict, "api_key jwt?", "api_key:foreign", "invalid_credentials api_key", 2},
		{"an answer of its own", strict, "forward_auth jwt", "forward_auth:answer jwt:good", "401 forward_auth", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, counts := made(t, c.settings, c.kinds)
			x := &policy.Exchange{Request: &wire.Request{Method: "GET"}}
			h := &x.Request.Header
			h.Add("x_who", "admin")
			h.Add("Other", "stays")
			for item := range strings.FieldsSeq(c.header) {
				name, value, _ := strings.Cut(item, ":")
				h.Add(name, value)
			}
			calls, who := 0, ""
			resp, err := p.Handle(x, func(x *policy.Exchange) (*wire.Response, error) {
				calls++
				who = h.Get("X-Who")
				if h.Get("Other") != "stays" || h.Has("x_who") || x.Auth.Type != who || x.Auth.Issuer != "" && who != "" || x.Denied != (policy.Denial{}) {
					t.Errorf("the request goes on with %v, %+v, %+v", h, x.Auth, x.Denied)
				}
				for _, kind := range []string{"jwt", "api_key"} {
					if sent := strings.Contains(c.header, kind+":"); sent == (who == kind) && h.Has(kind) != (sent && who != kind) {
						t.Errorf("%s: in the request: %v", kind, h.Has(kind))
					}
				}
				return &wire.Response{Status: 200}, nil
			})
			got, challenges := who, 0
			switch {
			case err != nil:
				pr := problem.From(err)
				got = pr.Name + " " + x.Denied.Policy
				challenges = len(pr.Header)
			case resp.Status == 401:
				got = "401 " + x.Denied.Policy
				challenges = len(resp.Header.Values(challengeField))
			case who != "" && !slices.Equal(resp.Header.Values("X-Passed"), []string{who}):
				t.Errorf("the response passed %v", resp.Header.Values("X-Passed"))
			}
			if got != c.want || challenges != c.challenges {
				t.Errorf("got %q with %d challenges, want %q with %d", got, challenges, c.want, c.challenges)
			}
			total := 0
			for _, n := range counts {
				total += n
			}
			if denied := err != nil || resp.Status == 401; denied == (calls == 1) || calls > 1 || total > 1 || denied && total == 0 && x.Denied.Policy != "" || !denied && total > 0 {
				t.Errorf("%d calls, counted %v", calls, counts)
			}
		})
	}
}

// An error from behind the winner is the answer, whatever it looks like.
func TestBehind(t *testing.T) {
	p, _ := made(t, strict, "jwt api_key")
	x := &policy.Exchange{Request: &wire.Request{}}
	x.Request.Header.Add("jwt", "good")
	calls := 0
	_, err := p.Handle(x, func(*policy.Exchange) (*wire.Response, error) {
		calls++
		return nil, problem.NoCredentials.New("of another")
	})
	if calls != 1 || err == nil || !strings.Contains(err.Error(), "of another") {
		t.Errorf("%d calls, %v", calls, err)
	}
}

var errTest = errors.New("test")

func TestRefusals(t *testing.T) {
	var r refusal
	r.take(refusal{how: missing, by: 1})
	r.take(refusal{how: guarded, by: 2})
	r.take(refusal{how: foreign, by: 3, err: errTest})
	r.take(refusal{how: foreign, by: 4})
	if r.by != 3 {
		t.Errorf("the worst is %d", r.by)
	}
}

func step(kind string, p policy.Policy) plug.Step { return plug.Step{Kind: kind, Policy: p, Bare: p} }
