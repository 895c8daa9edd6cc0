package function

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Whatever processes do, calls, documents and code meanwhile, every call comes to an end in its time, with its own answer or an error, and
// nothing is left in the end.
func TestStorm(t *testing.T) {
	for seed := range uint64(30) {
		var mu sync.Mutex
		dice := rand.New(rand.NewPCG(seed, 1))
		roll := func(n int) int {
			mu.Lock()
			defer mu.Unlock()
			return dice.IntN(n)
		}
		program := func(p *fake) {
			switch roll(20) {
			case 0:
				p.post("init/error", `{}`)
				return
			case 1:
				return
			case 2:
				<-p.Done()
				return
			case 3:
				go p.next(p)
			}
			for p.Err() == nil {
				id, event, status := p.next(p)
				if status != 200 {
					return
				}
				time.Sleep(time.Duration(roll(1000)) * time.Millisecond)
				switch roll(20) {
				case 0:
					return
				case 1:
					<-p.Done()
				case 2: // it asks for more without an answer
				case 3:
					p.post("invocation/"+id+"/error", `{}`)
				case 4:
					p.stream(id, nil, event, event)
				case 5:
					time.AfterFunc(500*time.Millisecond, p.kill)
					p.stream(id, nil, event, event)
				default:
					p.post("invocation/"+id+"/response", event)
				}
			}
		}
		var wrong atomic.Int64
		inLab(t, Config{Concurrency: 3, Min: int(seed % 3)}, program, func(t *testing.T, r *Registry, f *Function) {
			var crew sync.WaitGroup
			for i := range 200 {
				time.Sleep(time.Duration(roll(300)) * time.Millisecond)
				switch roll(20) {
				case 0:
					name := filepath.Join(f.config.Directory.Path, fmt.Sprint(i))
					if err := os.WriteFile(name, nil, 0o600); err != nil {
						t.Error(err)
					}
				case 1: // another document
					c := *f.config
					f = r.Prepare("f", &c, fmt.Sprint(i))
					r.Serve(map[string]*Function{"f": f})
				case 2:
					r.Serve(nil)
					r.Serve(map[string]*Function{"f": f})
				}
				f, id := f, fmt.Sprint(i)
				crew.Go(func() {
					v, err := f.Begin(Call{ID: id, Event: []byte(id)})
					if err != nil {
						return
					}
					if roll(10) == 0 {
						time.Sleep(time.Duration(roll(1500)) * time.Millisecond)
						f.Abandon(v)
						return
					}
					select {
					case <-v.Done():
					case <-time.After(f.Patience() + f.Timeout() + time.Second):
						wrong.Add(1)
						return
					}
					if result, stream, _, err := v.Result(); stream != nil {
						b := make([]byte, 100)
						for err == nil {
							_, err = stream.Read(b)
						}
						_ = stream.Close()
					} else if err == nil && string(result) != id {
						wrong.Add(1)
					}
				})
			}
			crew.Wait()
			if s := f.status(); s.Waiting != 0 || f.held != 0 {
				t.Errorf("%+v, %d bytes are held", s, f.held)
			}
		})
		if n := wrong.Load(); n > 0 {
			t.Errorf("seed %d: %d calls did not end, or with the answer of another", seed, n)
		}
	}
}
