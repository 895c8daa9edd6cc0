package sizelimit

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

func made(t *testing.T, yaml string) (policy.Policy, map[string]int, schema.Errors) {
	t.Helper()
	n, errs := schema.Parse("test.yaml", []byte(yaml))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	counts := map[string]int{}
	env := &plug.Env{Denied: func(policy, reason string) func() { return func() { counts[policy+" "+reason]++ } }}
	p, errs := Kind.Build(n, "size_limit", env)
	return p, counts, errs
}

func TestRequests(t *testing.T) {
	const preset = 10 << 20 // the gateway's own bound
	for _, c := range []struct {
		name   string
		yamls  []string // of the policies in a row
		length int64
		want   int64 // BodyLimit inside; refused if -1
	}{
		{"fits", []string{"1KiB"}, 1024, 1024},
		{"too large", []string{"1KiB"}, 1025, -1},
		{"of unknown length", []string{"{request: 1KiB}"}, -1, 1024},
		{"more than the gateway's own", []string{"50MiB"}, 40 << 20, 50 << 20},
		{"none", []string{"none"}, 40 << 20, 0},
		{"only responses bounded", []string{"{response: 1KiB}"}, 5000, preset},
		{"nothing wanted, nothing sent", []string{"0"}, 0, 0},
		{"nothing wanted", []string{"0"}, 1, -1},
		{"nothing wanted, of unknown length", []string{"0"}, -1, -1},
		{"the smaller one first", []string{"1KiB", "2KiB"}, -1, 1024},
		{"the smaller one last", []string{"2KiB", "1KiB"}, -1, 1024},
		{"none within one", []string{"2KiB", "none"}, -1, 2048},
		{"one within none", []string{"none", "2KiB"}, -1, 2048},
	} {
		t.Run(c.name, func(t *testing.T) {
			var chain []policy.Policy
			var counts map[string]int
			for _, yaml := range c.yamls {
				p, n, errs := made(t, yaml)
				if len(errs) > 0 {
					t.Fatal(errs)
				}
				chain, counts = append(chain, p), n
			}
			got := int64(-1)
			x := &policy.Exchange{Request: &wire.Request{Length: c.length, BodyLimit: preset}}
			_, err := policy.Chain(chain, func(x *policy.Exchange) (*wire.Response, error) {
				got = x.Request.BodyLimit
				return &wire.Response{}, nil
			})(x)
			if got != c.want {
				t.Errorf("got a bound of %d, want %d", got, c.want)
			}
			if refused := c.want < 0; refused != (counts["size_limit request"] == 1) || refused && problem.From(err).Status != 413 {
				t.Errorf("error %v, counted %v", err, counts)
			}
		})
	}
}

// What the backend finds while reading is counted too.
func TestCutRequestIsCounted(t *testing.T) {
	p, counts, _ := made(t, "1KiB")
	x := &policy.Exchange{Request: &wire.Request{Length: -1}}
	_, err := p.Handle(x, func(*policy.Exchange) (*wire.Response, error) {
		return nil, problem.BodyTooBig.Wrap(wire.ErrBodyTooLarge)
	})
	if problem.From(err).Status != 413 || counts["size_limit request"] != 1 {
		t.Errorf("error %v, counted %v", err, counts)
	}
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	return nil
}

func TestResponses(t *testing.T) {
	for _, c := range []struct {
		name    string
		length  int64 // as the upstream says
		size    int
		refused bool  // with a problem
		cut     bool  // in the middle
		read    int64 // before the cut
	}{
		{"fits", 10, 10, false, false, 10},
		{"of unknown length, fits", -1, 10, false, false, 10},
		{"too large", 11, 11, true, false, 0},
		{"of unknown length, too large", -1, 11, false, true, 10},
		{"of unknown length, much too large", -1, 100_000, false, true, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, counts, errs := made(t, "{response: 10B}")
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			for name, wrap := range map[string]func(io.Reader) io.Reader{"at once": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader, "data with the end": iotest.DataErrReader} {
				clear(counts)
				body := &closing{Reader: wrap(strings.NewReader(strings.Repeat("x", c.size)))}
				resp, err := p.Handle(&policy.Exchange{Request: &wire.Request{}}, func(*policy.Exchange) (*wire.Response, error) {
					return &wire.Response{Status: 200, Length: c.length, Body: body}, nil
				})
				if c.refused {
					if problem.From(err).Name != "response_invalid" || !body.closed || counts["size_limit response"] != 1 {
						t.Errorf("%s: error %v, closed %v, counted %v", name, err, body.closed, counts)
					}
					continue
				}
				n, err := io.Copy(io.Discard, resp.Body)
				if n != c.read || errors.Is(err, errTooLarge) != c.cut || c.cut != (counts["size_limit response"] == 1) {
					t.Errorf("%s: read %d, error %v, counted %v", name, n, err, counts)
				}
				if resp.Close(); !body.closed {
					t.Errorf("%s: the body is not closed", name)
				}
			}
		})
	}
}

func TestConfigErrors(t *testing.T) {
	for yaml, want := range map[string]string{
		"{}":             "it bounds nothing; give request, response or both",
		"{request: big}": "write a size such as 64KiB or 10MiB",
		"{reqest: 1KiB}": `did you mean "request"`,
	} {
		if _, _, errs := made(t, yaml); !strings.Contains(errs.Error(), want) {
			t.Errorf("%s: got %q, want %q", yaml, errs.Error(), want)
		}
	}
}
