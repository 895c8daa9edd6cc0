package gateway

import (
	"testing"
	"testing/synctest"
	"time"
)

// Who says only during a stop which version of HTTP it is going to speak gets its answer all the same.
func TestStopWaitsForTheUndecided(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		g := w.start(t, "listeners: [{ address: \":80\", protocols: [h1, h2c] }]\ndrain: 30s\nroutes: [{ match: /, policies: [{ fault: { delay: 5s } }], respond: { body: hi } }]\n")
		c, r := w.dial(t)
		synctest.Wait()
		whole := make(chan bool, 1)
		go func() { whole <- g.Drain() }()
		time.Sleep(time.Second)
		if len(whole) > 0 {
			t.Error("the process ended before the client had said anything")
		}
		if resp, body := talk(t, c, r, get("/")); resp.StatusCode != 200 || body != "hi" {
			t.Errorf("got %d %q", resp.StatusCode, body)
		}
		_ = c.Close()
		if !<-whole {
			t.Error("something was cut short")
		}
	})
}
