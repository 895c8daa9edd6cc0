// Command bench compares the gateway with its peers: CPU time of the whole process a request, and what comes with it.
//
// All contenders are up at once, each pinned to the first core with one thread or worker; load and backend have the second. Every case is
// run against every contender in turn, for several rounds, so that a busy moment of the machine hits all of them. What counts
// is the ratio to nginx in the same round, and for a policy what it takes more than the gateway without it
// outside of the kernel, whose part is the most of all and moves by more than a policy takes; the table shows medians.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A kase is one load.
type kase struct {
	name  string
	path  string
	conns int
	post  bool
	h2    int      // streams a connection, over TLS; 0 is HTTP/1.1 without
	tls   bool     // HTTP/1.1 over TLS
	only  []string // contenders, all of the plain ones when empty

	headers []string // of the request, beside those of all cases

	composes bool // one answer is made of three
	idle     bool // one request at a time: what counts is how long it takes
}

var kases = []kase{
	{name: "1 KiB, 64 connections", path: "/1k", conns: 64},
	{name: "1 KiB, 1 connection", path: "/1k", conns: 1, only: []string{"nginx", "haproxy", "sallyport", "net/http"}},
	{name: "1 KiB, 1000 connections", path: "/1k", conns: 1000, only: []string{"nginx", "haproxy", "sallyport", "net/http"}},
	{name: "100 KiB, 64 connections", path: "/100k", conns: 64, only: []string{"nginx", "nginx tuned", "haproxy", "sallyport", "net/http"}},
	{name: "TLS, 1 KiB, 64 connections", path: "/1k", conns: 64, tls: true, only: []string{"nginx", "haproxy", "sallyport"}},
	{name: "TLS, 100 KiB, 64 connections", path: "/100k", conns: 64, tls: true, only: []string{"nginx", "nginx tuned", "haproxy", "sallyport"}},
	{name: "POST 10 KiB, 64 connections", path: "/1k", conns: 64, post: true, only: []string{"nginx", "haproxy", "sallyport", "sallyport chain", "net/http"}},
	{name: "HTTP/2 over TLS, 1 KiB, 16 connections of 8 streams", path: "/1k", conns: 16, h2: 8, only: []string{"nginx", "haproxy", "sallyport", "caddy"}},
}

func main() {
	dir := flag.String("dir", "bench/out", "work directory")
	rounds := flag.Int("rounds", 5, "rounds of every case")
	seconds := flag.Int("seconds", 3, "seconds of load each")
	peers := flag.String("peers", "bench/out", "where programs are that Debian has not")
	only := flag.String("case", "", "the name of a case to run, or a part of the names of several")
	before := flag.String("before", "", "another build of the gateway, to take part wherever sallyport or jwt chain does")
	urgent := flag.Bool("urgent", false, "run before all else on the machine, with a pause after each run: for one that has other work")
	list := flag.Bool("list", false, "name the cases and do nothing")
	flag.Parse()
	id, err := newVisitor()
	if err != nil {
		log.Fatal(err)
	}
	all := slices.Concat(kases, policyCases(id), composing())
	whole := slices.ContainsFunc(all, func(k kase) bool { return k.name == *only })
	all = slices.DeleteFunc(all, func(k kase) bool { return k.name != *only && (whole || !strings.Contains(k.name, *only)) })
	if *list {
		for _, k := range all {
			fmt.Println(k.name)
		}
		return
	}
	if *urgent {
		priority, pause = urgently, time.Second
	}
	plain := contenders(*dir)
	for i := range all {
		if all[i].only == nil {
			all[i].only = names(plain)
		}
	}
	cs := slices.Concat(plain, withPolicies(*dir, *peers, id), composers(*dir))
	if *before != "" {
		cs = append(cs, earlier(*dir, *before, cs, all)...)
	}
	if err := run(*dir, *rounds, *seconds, all, cs); err != nil {
		log.Fatal(err)
	}
}

func names(cs []contender) (all []string) {
	for _, c := range cs {
		all = append(all, c.name)
	}
	return all
}

// run starts those of cs who take part in a case, and runs all cases.
func run(dir string, rounds, seconds int, all []kase, cs []contender) (err error) {
	var running []*process
	stop := func() {
		for _, p := range running {
			p.stop()
		}
	}
	defer stop()
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() { <-interrupted; stop(); os.Exit(1) }()

	backend, err := start(dir, "backend", "1", backendPort, []string{dir + "/backend", fmt.Sprint(backendPort)})
	if err != nil {
		return err
	}
	running = append(running, backend)
	if err := slowPaths(); err != nil {
		return err
	}
	if err := certificate(dir); err != nil {
		return err
	}
	cs = slices.DeleteFunc(cs, func(c contender) bool {
		return !c.there() || !slices.ContainsFunc(all, func(k kase) bool { return slices.Contains(k.only, c.name) })
	})
	procs := map[string]*process{}
	for i := range cs {
		if err := cs[i].write(dir); err != nil {
			return err
		}
		p, err := start(dir, cs[i].name, "0", cs[i].port, cs[i].args)
		if err != nil {
			return err
		}
		running = append(running, p)
		procs[cs[i].name] = p
	}
	for _, k := range all {
		if err := compare(dir, k, cs, procs, rounds, seconds); err != nil {
			return err
		}
	}
	return nil
}

// compare runs one case and prints its table.
func compare(dir string, k kase, cs []contender, procs map[string]*process, rounds, seconds int) error {
	if k.composes || k.idle {
		if err := sameAnswers(k, cs); err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
	}
	if k.idle {
		return idle(k, cs, rounds)
	}
	results := map[string][]sample{}
	for round := range rounds {
		for _, c := range cs {
			if !slices.Contains(k.only, c.name) {
				continue
			}
			var s sample
			var err error
			if k.h2 > 0 {
				s, err = load2(k, c.port+secure, procs[c.name], seconds)
			} else {
				s, err = load(dir, k, c.port, procs[c.name], seconds)
			}
			if err != nil {
				return fmt.Errorf("%s, %s, round %d: %w", k.name, c.name, round+1, err)
			}
			results[c.name] = append(results[c.name], s)
			time.Sleep(pause)
		}
	}
	if k.composes {
		tableOfComposed(k, results)
		return nil
	}
	fmt.Printf("\n### %s\n\n| | CPU µs a request | to nginx | of it outside of the kernel | more of that than sallyport, µs | requests/s | p50 ms | p99 ms | RSS MiB |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n", k.name)
	for _, c := range cs {
		rs := results[c.name]
		if len(rs) == 0 {
			continue
		}
		fmt.Printf("| %s | %.1f | **%.2f** | %.2f | %+.2f | %.0f | %.2f | %.2f | %.0f |\n", c.name, median(rs, func(s sample) float64 { return s.cpu }),
			middle(against(rs, results["nginx"], func(a, b sample) float64 { return a.cpu / b.cpu })),
			median(rs, func(s sample) float64 { return s.user }),
			middle(against(rs, results["sallyport"], func(a, b sample) float64 { return a.user - b.user })),
			median(rs, func(s sample) float64 { return s.rate }), median(rs, func(s sample) float64 { return s.p50 }),
			median(rs, func(s sample) float64 { return s.p99 }), median(rs, func(s sample) float64 { return s.rss }))
	}
	return nil
}

// against compares rs with others, round by round.
func against(rs, others []sample, how func(a, b sample) float64) (all []float64) {
	for i := range rs {
		all = append(all, how(rs[i], others[i]))
	}
	return all
}

func median(rs []sample, of func(sample) float64) float64 {
	v := make([]float64, len(rs))
	for i := range rs {
		v[i] = of(rs[i])
	}
	return middle(v)
}

func middle(v []float64) float64 {
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}
