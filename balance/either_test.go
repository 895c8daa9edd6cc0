package balance

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Who finds out what a target takes keeps nobody waiting longer than a connection may take, and neither does a reload.
func TestAskingIsNoQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.target("a:443").swallow()
		u := w.upstream("targets: [https://a]\ntimeouts: {connect: 2s}")
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				time.Sleep(ms(50 * i))
				if a := get(u); a.err == nil || a.took > 2*time.Second {
					t.Errorf("call %d: %v after %v", i, a.err, a.took)
				}
			})
		}
		time.Sleep(ms(1500))
		begun := time.Now()
		w.upstream("targets: [https://b]")
		if took := time.Since(begun); took != 0 {
			t.Errorf("the reload took %v", took)
		}
		all.Wait()
	})
}
