// Package routetest runs the tests of a document: it serves the document to clients in memory, with upstreams that answer as each
// test says, in a time of its own, so that waiting an hour takes none.
//
// routetest.go is what comes in and out; play.go plays one test, client.go and stub.go are the two ends of the gateway,
// stubbed.go leads the document's upstreams to the stubs; expect.go and json.go compare.
package routetest

import (
	"fmt"
	"log/slog"
	"path"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/config"
	"sallyport/gateway"
	"sallyport/schema"
)

// Options are what a run needs. The zero value runs all tests.
type Options struct {
	Names []string // of tests, with * for any text; none for all
	Env   func(name string) (value string, found bool)
}

// A Report is how the tests of a document went.
type Report struct {
	Passed   int      `json:"passed"`
	Failed   int      `json:"failed"`
	Tests    []Result `json:"tests"`
	Routes   int      `json:"routes"`             // of the document
	Untested []string `json:"untested,omitempty"` // routes that no test asked, when all tests ran
}

// A Result is how one test went.
type Result struct {
	Name   string  `json:"name"`
	Place  string  `json:"place"` // file:line:column
	Passed bool    `json:"passed"`
	Error  string  `json:"error,omitempty"` // why it could not be played
	Steps  []Step  `json:"steps"`           // that were played: up to the first one that failed
	Took   float64 `json:"took_ms"`         // of real time
}

// A Step is one request and what came of it.
type Step struct {
	Request  string    `json:"request"`
	Place    string    `json:"place"`
	Number   int       `json:"number,omitempty"` // of a request that is sent several times, the one that this is about
	At       time.Time `json:"at"`
	Status   int       `json:"status"`
	API      string    `json:"api,omitempty"`
	Route    string    `json:"route,omitempty"`
	Upstream string    `json:"upstream,omitempty"`
	Calls    int       `json:"calls"`
	Took     string    `json:"took"` // of the test's own time
	Problem  string    `json:"problem,omitempty"`
	Cause    string    `json:"cause,omitempty"` // of the problem
	Failures []Failure `json:"failures,omitempty"`
}

// A Failure is one thing that is not as it was expected.
type Failure struct {
	What  string `json:"what"`
	Place string `json:"place"`
	Want  string `json:"want"`
	Got   string `json:"got"`
}

// Run plays the tests of the document at path. An error is a schema.Errors, or says that no test has one of the names.
func Run(file string, o Options) (*Report, error) {
	doc, errs := config.Load(file, config.Options{Env: o.Env})
	return run(doc, errs, o)
}

// RunBytes is Run of a document that is in memory; name stands for it in messages.
func RunBytes(name string, data []byte, o Options) (*Report, error) {
	doc, errs := config.Parse(name, data, config.Options{Env: o.Env})
	return run(doc, errs, o)
}

func run(doc *config.Document, errs schema.Errors, o Options) (*Report, error) {
	checked := gateway.CheckRead(doc, errs, gateway.Options{Env: o.Env, Log: slog.New(slog.DiscardHandler)})
	if len(checked.Errors) > 0 {
		return nil, checked.Errors
	}
	for _, name := range o.Names {
		if !slices.ContainsFunc(doc.Tests, func(t config.Test) bool { return chosen(&t, []string{name}) }) {
			return nil, fmt.Errorf("no test is named %q", name)
		}
	}
	r := &Report{Tests: []Result{}, Routes: len(checked.Routes)}
	asked := map[string]bool{}
	for i := range doc.Tests {
		t := &doc.Tests[i]
		if len(o.Names) > 0 && !chosen(t, o.Names) {
			continue
		}
		result := play(doc, t)
		for _, s := range result.Steps {
			asked[s.API+"\x00"+s.Route] = true
		}
		if r.Tests = append(r.Tests, result); result.Passed {
			r.Passed++
		} else {
			r.Failed++
		}
	}
	for _, v := range checked.Routes {
		if len(o.Names) == 0 && !asked[v.API+"\x00"+v.Name] {
			r.Untested = append(r.Untested, v.Name)
		}
	}
	return r, nil
}

func chosen(t *config.Test, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		ok, err := path.Match(name, t.Name)
		return ok && err == nil || name == t.Name
	})
}

// play plays t in a bubble of its own, in which time stands still while anybody has something to do, and otherwise moves on to when
// somebody has. testing/synctest makes bubbles for a testing.T alone; an empty one will do, as long as nobody fails by it.
func play(doc *config.Document, t *config.Test) (r Result) {
	start := time.Now()
	r = Result{Name: t.Name, Place: t.Node.Pos.String(), Steps: []Step{}}
	defer func() {
		if what := recover(); what != nil { // such as a goroutine that is left behind
			r.Passed, r.Error = false, fmt.Sprint(what)
		}
		r.Took = float64(time.Since(start).Microseconds()) / 1000
	}()
	synctest.Test(new(testing.T), func(*testing.T) {
		defer func() {
			if what := recover(); what != nil {
				r.Error = fmt.Sprint(what)
			}
		}()
		time.Sleep(time.Until(t.At))
		newPlayer(doc, t, &r).play()
	})
	r.Passed = r.Error == "" && !slices.ContainsFunc(r.Steps, func(s Step) bool { return len(s.Failures) > 0 })
	return r
}
