package test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/test/attackrun"
)

var (
	attackGateway = flag.String("attack.gateway", "", "address of a gateway to attack instead of our own; it must forward to -attack.backend")
	attackBackend = flag.String("attack.backend", "127.0.0.1:29000", "address of the recording backend behind -attack.gateway")
	attackOnly    = flag.String("attack.only", "", "beginning of the ids to run")
	attackVerbose = flag.Bool("attack.v", false, "show passed cases too")
)

// laboratory is the document of the gateway under attack: the same backend behind open paths, one that loses its prefix, a
// protected path and host, and answers that some pages may read.
const laboratory = `
listeners: [{ address: "127.0.0.1:0" }]
admin: off
upstreams:
  e: { targets: ["http://%s"], host: preserve }
consumers:
  - { name: somebody, credentials: [ { api_key: { value: nobody-who-attacks-knows-it } } ] }
policies:
  guarded: { api_key: {} }
  pages: { cors: { origins: ["https://app.test", "https://*.app2.test"], credentials: true } }
routes:
  - { match: { path: "/{rest...}", hosts: [admin.test] }, policies: [ { use: guarded } ], upstream: e }
  - { match: /admin, policies: [ { use: guarded } ], upstream: e }
  - { match: "/admin/{rest...}", policies: [ { use: guarded } ], upstream: e }
  - { match: "GET,POST /cors/{rest...}", policies: [ { use: pages } ], upstream: e }
  - { match: "DELETE /cors/{rest...}", policies: [ { use: pages }, { use: guarded } ], upstream: e }
  - { match: "/public/{rest...}", upstream: e }
  - { match: "/strip/{rest...}", rewrite: { strip_prefix: /strip }, upstream: e }
  - { match: "/{rest...}", upstream: e }
`

// judgedAreas are those in which every case must pass; the others need features that are to come.
var judgedAreas = []string{"framing/smuggling", "request-line/host", "path-normalisation/auth-bypass", "headers/hop-by-hop/forwarded", "resource-exhaustion", "cors/csrf"}

// TestAttacks sends the catalogue of hostile requests, and ours on top, to the gateway in its default configuration.
func TestAttacks(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some ten seconds of waiting")
	}
	cases := make(chan *attackrun.Case)
	results := make(chan *attackrun.Result)
	var crew sync.WaitGroup
	for range members() {
		target, b := underAttack(t)
		crew.Go(func() {
			for c := range cases {
				r := attackrun.Run(c, target, b, 300*time.Millisecond)
				if r.Verdict == "HANG" { // slow, on a busy machine, is not hanging
					r = attackrun.Run(c, target, b, 5*time.Second)
				}
				results <- r
			}
		})
	}
	go func() {
		for _, file := range []string{"cases", "more"} {
			list, err := attackrun.Load("attackrun/testdata/" + file + ".jsonl")
			if err != nil {
				t.Error(err)
			}
			for _, c := range list {
				if strings.HasPrefix(c.ID, *attackOnly) {
					cases <- c
				}
			}
		}
		close(cases)
		crew.Wait()
		close(results)
	}()
	count := map[attackrun.Verdict]int{}
	for r := range results {
		count[r.Verdict]++
		switch {
		case !slices.Contains(judgedAreas, r.Area):
			t.Logf("not judged yet: %s", r)
		case r.Verdict != attackrun.Pass && r.Verdict != attackrun.NA:
			t.Error(r)
		case *attackVerbose:
			t.Log(r)
		}
	}
	t.Log(count)
	if *attackOnly == "" && count[attackrun.Pass] < 500 {
		t.Errorf("only %d cases were run and passed", count[attackrun.Pass])
	}
}

// members is how many gateways are attacked side by side, each with a backend of its own; most of the time they wait.
func members() int {
	if *attackGateway != "" {
		return 1
	}
	return 12
}

// underAttack returns the address of a gateway and the backend behind it.
func underAttack(t *testing.T) (string, *attackrun.Backend) {
	address := "127.0.0.1:0"
	if *attackGateway != "" {
		address = *attackBackend
	}
	b, err := attackrun.NewBackend(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	if *attackGateway != "" {
		return *attackGateway, b
	}
	return serve(t, fmt.Sprintf(laboratory, b.Addr())), b
}
