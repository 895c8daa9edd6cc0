package function

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// stream answers in parts; the last one is an error, unless that is nil.
func (p *fake) stream(id string, trailer http.Header, parts ...string) {
	from, to := io.Pipe()
	var crew sync.WaitGroup
	defer crew.Wait()
	defer from.Close() // as net/http does
	crew.Go(func() {
		for _, part := range parts {
			if _, err := io.WriteString(to, part); err != nil {
				return
			}
			time.Sleep(time.Second)
		}
		switch {
		case p.Err() != nil:
			_ = to.CloseWithError(io.ErrUnexpectedEOF)
		default:
			_ = to.Close()
		}
	})
	r := httptest.NewRequestWithContext(p, "POST", apiPath+"invocation/"+id+"/response", from)
	r.Header.Set("Lambda-Runtime-Function-Response-Mode", "streaming")
	r.Trailer = trailer
	p.API.ServeHTTP(httptest.NewRecorder(), r)
}

// A stream that does not come to its end is counted for what became of it, and whoever reads it is told.
func TestStreamFails(t *testing.T) {
	for _, c := range []struct {
		name    string
		program func(p *fake, id string)
		want    Status
		read    string
	}{
		{"well", func(p *fake, id string) { p.stream(id, nil, "a", "b") }, Status{}, "ab"},
		{"an error", func(p *fake, id string) {
			p.stream(id, http.Header{"Lambda-Runtime-Function-Error-Type": {"Oops"}}, "a", "b")
		}, Status{Errors: 1}, "ab and the function failed within its answer"},
		{"a crash", func(p *fake, id string) {
			time.AfterFunc(500*time.Millisecond, p.kill)
			p.stream(id, nil, "a", "b")
		}, Status{Crashes: 1}, "ab and the function's process ended within its answer"},
		{"too long", func(p *fake, id string) { p.stream(id, nil, strings.Split(strings.Repeat("a", 20), "")...) }, Status{Timeouts: 1}, "aaaaaaaaaa and the function's process ended within its answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inLab(t, Config{}, func(p *fake) {
				for {
					id, _, status := p.next(p)
					if status != 200 {
						return
					}
					c.program(p, id)
					if p.Err() != nil {
						return
					}
				}
			}, func(t *testing.T, _ *Registry, f *Function) {
				v, err := f.Begin(Call{ID: "1"})
				if err != nil {
					t.Fatal(err)
				}
				<-v.Done()
				_, stream, _, err := v.Result()
				if err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(stream)
				got := string(b)
				if err != nil {
					got += " and " + err.Error()
				}
				if got != c.read {
					t.Errorf("read %q, want %q", got, c.read)
				}
				_ = stream.Close()
				time.Sleep(3 * time.Second)
				s := f.status()
				if got := (Status{Errors: s.Errors, Crashes: s.Crashes, Timeouts: s.Timeouts}); got != c.want {
					t.Errorf("counted %+v, want %+v", got, c.want)
				}
			})
		})
	}
}

// A stream that nobody waits for any more goes nowhere, and its process has the next call.
func TestStreamLeft(t *testing.T) {
	inLab(t, Config{}, func(p *fake) {
		for {
			id, event, status := p.next(p)
			if status != 200 {
				return
			}
			time.Sleep(time.Second)
			if event == "in parts" {
				p.stream(id, nil, "a", "b", "c")
			} else {
				p.post("invocation/"+id+"/response", event)
			}
		}
	}, func(t *testing.T, _ *Registry, f *Function) {
		for _, wait := range []time.Duration{0, time.Millisecond, 1500 * time.Millisecond} {
			v, err := f.Begin(Call{ID: "1", Event: []byte("in parts")})
			if err != nil {
				t.Fatal(err)
			}
			<-v.Started()
			time.Sleep(wait)
			if f.Abandon(v) {
				t.Error("the call was taken back")
			}
			if got := outcome(f, "2", "next"); got != "next" {
				t.Errorf("after %v: got %q", wait, got)
			}
		}
		if s := f.status(); s.Starts != 1 || s.Errors+s.Crashes+s.Timeouts != 0 {
			t.Errorf("%+v", s)
		}
	})
}
