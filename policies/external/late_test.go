package external

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/policy"
	"sallyport/wire"
)

// A service that takes longer than the request may is not what failed.
func TestTimeOfTheRequest(t *testing.T) {
	for _, c := range []struct {
		name, yaml string
		may        time.Duration // the request; 0 is any time
		want       string
	}{
		{"of the service", "timeout: 1s, request: {}", 0, "external_failed"},
		{"of the service, of two", "timeout: 1s, request: {}", 2 * time.Second, "external_failed"},
		{"of the request", "timeout: 5s, request: {}", time.Second, "upstream_timeout"},
		{"of the request, for a response", "timeout: 5s, response: {}", time.Second, "upstream_timeout"},
		{"of the request, when failures pass", "timeout: 5s, request: {}, on_error: pass", time.Second, "2xx old"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, errs := made(t, func(c *wire.Call) (*wire.Response, error) {
					time.Sleep(time.Until(c.Deadline))
					return nil, errors.New("no answer")
				}, "{upstream: hooks, "+c.yaml+"}")
				if len(errs) > 0 {
					t.Fatal(errs)
				}
				x := ask("GET", "")
				if c.may > 0 {
					x.Deadline = time.Now().Add(c.may)
				}
				resp, _ := message(200, "old")
				if got := outcome(e.Handle(x, func(*policy.Exchange) (*wire.Response, error) { return resp, nil })); got != c.want {
					t.Errorf("got %s, want %s", got, c.want)
				}
			})
		})
	}
}

// Which of two statuses is meant, nobody knows.
func TestTwoStatuses(t *testing.T) {
	e, errs := made(t, func(*wire.Call) (*wire.Response, error) {
		resp, _ := message(204, "", "Sallyport-Status: 200", "Sallyport-Status: 403")
		return resp, nil
	}, "{upstream: hooks, response: {take_status: true}}")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	resp, _ := message(200, "old")
	if got := outcome(e.Handle(ask("GET", ""), func(*policy.Exchange) (*wire.Response, error) { return resp, nil })); got != "external_failed" {
		t.Errorf("got %s", got)
	}
}
