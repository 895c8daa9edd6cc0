package compose

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/policy"
	"sallyport/wire"
)

// slowBodies answers at once, with bodies of unknown length that stall behind what the path's answer begins with, until the deadline.
type slowBodies struct {
	answers map[string]func(*wire.Response) string // what of the body comes
}

type stalled struct {
	rest  string
	until time.Time
}

type tooLate struct{ error }

func (tooLate) Timeout() bool { return true }

func (s *stalled) Read(b []byte) (int, error) {
	if s.rest != "" {
		n := copy(b, s.rest)
		s.rest = s.rest[n:]
		return n, nil
	}
	time.Sleep(time.Until(s.until))
	return 0, tooLate{io.ErrUnexpectedEOF}
}

func (s *stalled) Close() error { return nil }

func (s *slowBodies) Name() string { return "s" }

func (s *slowBodies) Send(x *policy.Exchange, c *wire.Call) (*wire.Response, error) {
	resp := &wire.Response{Status: 200, Length: -1}
	begin := s.answers[c.Target](resp)
	by := c.Deadline
	if by.IsZero() {
		by = c.BodyBy
	}
	resp.Body = &stalled{begin, by}
	return resp, nil
}

func TestSlowBodies(t *testing.T) {
	for _, c := range []struct {
		name, doc string
		answer    func(*wire.Response) string
		want      string
		within    time.Duration
	}{
		{"nobody reads the body", `{ timeout: 5s, calls: { a: { upstream: s, path: /a } }, body: { status: "${calls.a.status}" } }`,
			func(*wire.Response) string { return "data: 1\n\n" }, `200 [] {"status":200}`, time.Second},
		{"an error whose body stalls", `{ timeout: 5s, calls: { a: { upstream: s, path: /a } }, body: "${calls.a.body}" }`,
			func(r *wire.Response) string { r.Status = 500; return "oops" }, "502 compose_failed The call a was answered with 500.", time.Second},
		{"a compressed body that stalls", `{ timeout: 5s, calls: { a: { upstream: s, path: /a } }, body: "${calls.a.body}" }`,
			func(r *wire.Response) string { r.Header.Add("Content-Encoding", "gzip"); return "" }, "504 compose_failed The call a took too long.", 6 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &slowBodies{map[string]func(*wire.Response) string{"/a": c.answer}}
				h := made(t, s, c.doc)
				x := exchange("/")
				began := time.Now()
				resp, err := h(x)
				if took := time.Since(began); took > c.within {
					t.Errorf("it took %v", took)
				}
				if got := told(x, resp, err); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			})
		})
	}
}

func TestCharsetInCapitals(t *testing.T) {
	got, err := utf8Of([]byte("\xfc"), "application/json; CHARSET=ISO-8859-1")
	if err != nil || string(got) != "ü" {
		t.Errorf("got %q, %v", got, err)
	}
}

// here is a body that says how much of it can be read without waiting.
type here struct{ stalled }

func (h *here) Buffered() int { return len(h.rest) }

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		b := &here{stalled{"data: 1\n\n", began.Add(time.Hour)}}
		drain(&wire.Response{Status: 200, Length: -1, Body: b})
		if b.rest != "" || time.Since(began) > 0 {
			t.Errorf("%q is left, after %v", b.rest, time.Since(began))
		}
	})
}
