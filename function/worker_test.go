package function

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A process that asks twice at once is one process: it has one call at a time, and no call is lost, whichever ask has it.
func TestAsksTwice(t *testing.T) {
	inLab(t, Config{Min: 1}, func(p *fake) {
		var crew sync.WaitGroup
		crew.Go(func() {
			if id, event, status := p.next(p); status == 200 {
				p.post("invocation/"+id+"/response", event)
			}
		})
		time.Sleep(time.Second)
		p.echo()
		crew.Wait()
	}, func(t *testing.T, _ *Registry, f *Function) {
		for range 3 {
			time.Sleep(2 * time.Second)
			if got, want := outcomes(f, "a", "b", "c"), []string{"a", "b", "c"}; !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})
}

// A process whose connection was cut while it waited gets its event when it asks again.
func TestAsksAgain(t *testing.T) {
	inLab(t, Config{Min: 1}, func(p *fake) {
		ctx, cut := context.WithTimeout(p, time.Second)
		p.next(ctx)
		cut()
		time.Sleep(2 * time.Second)
		p.echo()
	}, func(t *testing.T, _ *Registry, f *Function) {
		time.Sleep(1500 * time.Millisecond) // there is a process, and it does not ask
		if got := outcomes(f, "a", "b"); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("got %q", got)
		}
	})
}

// An event is answered once, and by whom it was given to.
func TestAnswersOnce(t *testing.T) {
	var mu sync.Mutex
	var got []int
	inLab(t, Config{}, func(p *fake) {
		for {
			id, event, status := p.next(p)
			if status != 200 {
				return
			}
			said := []int{p.post("invocation/other/response", "x"), p.post("invocation/"+id+"/response", event), p.post("invocation/"+id+"/response", "y"), p.post("invocation/"+id+"/error", "{}"), p.post("init/nothing", "")}
			mu.Lock()
			got = said
			mu.Unlock()
		}
	}, func(t *testing.T, _ *Registry, f *Function) {
		if a := outcome(f, "1", "a"); a != "a" {
			t.Errorf("got %q", a)
		}
		time.Sleep(time.Second)
		mu.Lock()
		defer mu.Unlock()
		if want := []int{400, 202, 400, 400, 404}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if s := f.status(); s.Errors != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// A process that told of an error at its start and does not end is ended, and whoever waits hears of the error soon.
func TestInitErrorAndStays(t *testing.T) {
	inLab(t, Config{}, func(p *fake) {
		p.post("init/error", `{"errorMessage":"no module","errorType":"Runtime.ImportModuleError"}`)
		<-p.Done()
	}, func(t *testing.T, _ *Registry, f *Function) {
		began := time.Now()
		if got := outcome(f, "1", "a"); !strings.Contains(got, "ImportModuleError: no module") {
			t.Errorf("got %q", got)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// What a process says of its start is no reason for what becomes of a later call.
func TestInitErrorTooLate(t *testing.T) {
	inLab(t, Config{}, func(p *fake) {
		p.next(p)
		p.post("init/error", `{"errorMessage":"too late","errorType":"Late"}`)
	}, func(t *testing.T, _ *Registry, f *Function) {
		if got := outcome(f, "1", "a"); got != "the function's process ended" {
			t.Errorf("got %q", got)
		}
		if s := f.status(); s.Crashes != 1 || s.StartErrors != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// A process that answered and is about to ask for more gets the next call, so that who asks one after the other has one process; but nobody
// waits for one that takes its time.
func TestBack(t *testing.T) {
	for _, c := range []struct {
		pause  time.Duration // between an answer and the next ask
		starts uint64
		within time.Duration
	}{
		{0, 1, 0}, {10 * time.Millisecond, 1, 10 * time.Millisecond}, {time.Second, 2, 100 * time.Millisecond},
	} {
		inLab(t, Config{Concurrency: 4}, func(p *fake) {
			for {
				id, event, status := p.next(p)
				if status != 200 {
					return
				}
				p.post("invocation/"+id+"/response", event)
				time.Sleep(c.pause)
			}
		}, func(t *testing.T, _ *Registry, f *Function) {
			for range 2 {
				began := time.Now()
				if got := outcome(f, "1", "a"); got != "a" {
					t.Errorf("%v: got %q", c.pause, got)
				}
				if took := time.Since(began); took > c.within {
					t.Errorf("%v: it took %v", c.pause, took)
				}
			}
			if s := f.status(); s.Starts != c.starts {
				t.Errorf("%v: %d processes were started, want %d", c.pause, s.Starts, c.starts)
			}
		})
	}
}
