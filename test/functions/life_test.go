package functions

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// crowd has n clients do something again and again, until what it returns is called.
func (w *world) crowd(n int, do func()) (disperse func()) {
	stop := make(chan struct{})
	var crew sync.WaitGroup
	for range n {
		crew.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					do()
				}
			}
		})
	}
	return func() { close(stop); crew.Wait() }
}

// kinds are functions of each runtime: the settings, a path that tells the process after a while, and one that ends the process.
var kinds = map[string]func(t *testing.T, settings string) *world{
	"python": python, "provided": provided,
	"node": func(t *testing.T, settings string) *world { return node(t, "index.handler, "+settings) },
}

// Four at once are four processes, and further calls wait for one of them.
func TestFour(t *testing.T) {
	for kind, begin := range kinds {
		t.Run(kind, func(t *testing.T) {
			w := begin(t, "concurrency: 4, min: 4")
			eventually(t, "four processes are ready", func() bool { s := w.Status().Functions; return len(s) > 0 && s[0].Idle == 4 })
			var mu sync.Mutex
			pids := map[string]int{}
			var crew sync.WaitGroup
			for range 4 {
				crew.Go(func() {
					a := w.want(200, "GET", "/slow")
					mu.Lock()
					defer mu.Unlock()
					pids[a.body]++
				})
			}
			crew.Wait()
			if len(pids) != 4 {
				t.Errorf("%d processes answered four calls at once: %v", len(pids), pids)
			}
			for range 12 {
				crew.Go(func() { w.want(200, "GET", "/slow") })
			}
			crew.Wait()
			if s := w.Status().Functions[0]; s.Starts != 4 || s.Processes != 4 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// A process that ends in the middle of a call takes no other call with it, and another one is there for the next.
func TestCrashAmidOthers(t *testing.T) {
	for kind, begin := range kinds {
		t.Run(kind, func(t *testing.T) {
			w := begin(t, "concurrency: 4")
			disperse := w.crowd(2, func() { w.want(200, "GET", "/slow") })
			for range 4 {
				w.want(502, "GET", "/exit")
			}
			disperse()
			if s := w.Status().Functions[0]; s.Crashes != 4 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// New code is served to whoever asks after it is there, and nobody who asks meanwhile gets an error.
func TestCodeChangesUnderLoad(t *testing.T) {
	programs := t.TempDir()
	for _, version := range []string{"1", "2", "3"} {
		build(t, filepath.Join(programs, version), version)
	}
	for kind, c := range map[string]struct {
		settings string
		put      func(dir, version string)
	}{
		"python": {"handler: app.handler", func(dir, version string) {
			write(t, dir+"/app.py", "import time\ndef handler(event, context):\n    time.sleep(0.02)\n    return {'statusCode': 200, 'body': '"+version+"'}\n")
		}},
		"node": {"handler: index.handler", func(dir, version string) {
			write(t, dir+"/index.mjs", "export const handler = (event, context, done) => setTimeout(() => done(null, { statusCode: 200, body: '"+version+"' }), 20);\n")
		}},
		"provided": {"handler: bootstrap", func(dir, version string) {
			if err := os.Rename(filepath.Join(programs, version), filepath.Join(dir, "bootstrap")); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(kind, func(t *testing.T) {
			if kind != "provided" {
				installed(t, map[string]string{"python": "python3", "node": "node"}[kind])
			}
			dir := t.TempDir()
			c.put(dir, "1")
			w := start(t, fmt.Sprintf("functions: { f: { runtime: %s, directory: %q, %s, min: 1 } }\nroutes: [{ match: \"/{rest...}\", function: f, payload: \"2.0\" }]\n", kind, dir, c.settings))
			defer w.crowd(3, func() { w.want(200, "GET", "/version") })()
			for _, version := range []string{"2", "3"} {
				time.Sleep(200 * time.Millisecond)
				c.put(dir, version)
				eventually(t, "version "+version+" answers", func() bool { return w.want(200, "GET", "/version").body == version })
			}
		})
	}
}

// A process that has nothing to do for long is ended, and started again when it is needed.
func TestIdle(t *testing.T) {
	w := provided(t, "idle: 1s")
	w.want(404, "GET", "/")
	if s := w.Status().Functions[0]; s.Starts != 1 {
		t.Errorf("%+v", s)
	}
	eventually(t, "nothing runs", func() bool { return w.Status().Functions[0].Processes == 0 })
	w.want(404, "GET", "/")
	if s := w.Status().Functions[0]; s.Starts != 2 {
		t.Errorf("%+v", s)
	}
}

// A process that holds more than it may is killed, whatever it thinks of its bound.
func TestGreedy(t *testing.T) {
	w := provided(t, "memory: 64MiB, timeout: 1m")
	if a := w.want(502, "GET", "/greedy"); !strings.Contains(a.body, "function_error") {
		t.Error(a.body)
	}
	w.want(404, "GET", "/next")
	eventually(t, "the log says why", func() bool { return strings.Contains(w.said.String(), "memory") })
}
