package demo

import (
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"
)

// A stop is one thing to try.
type stop struct {
	shows   string
	command string
}

// stops are what to try, in order: later ones build on what earlier ones did.
func (w *world) stops() []stop {
	at := "http://" + w.gateway
	inPlace := "sed -i"
	if runtime.GOOS == "darwin" {
		inPlace = "sed -i ''"
	}
	many := func(n int, path string) string {
		return fmt.Sprintf("for i in $(seq %d); do curl -s -o /dev/null -w '%%{http_code} ' %s%s; done; echo", n, at, path)
	}
	stops := []stop{
		{"A route leads to a service.", "curl -s " + at + "/users/2"},
		{"Two servers take turns.", "for i in 1 2 3 4; do curl -s -o /dev/null -D - " + at + "/orders | grep -i served-by; done"},
		{"A body goes through, within the route's bounds.", "curl -s -i " + at + `/orders -H 'Content-Type: application/json' -d '{"user":2,"product":"tea"}'`},
		{"An old path leads to the new one.", "curl -s " + at + "/shop/v1/orders/1"},
		{"Errors are documents that programs can read.", "curl -s -i -X DELETE " + at + "/users/2"},
		{"A limit is hit: five a minute.", many(7, "/products/tea")},
		{"Who shows no key stays out.", "curl -s -i " + at + "/partners/orders"},
		{"A key is made, is good at once, and has its plan: five a minute.", fmt.Sprintf("KEY=$(%s keys create --consumer acme -c %s); for i in $(seq 7); do curl -s -o /dev/null -w '%%{http_code} ' -H \"X-API-Key: $KEY\" %s/partners/orders; done; echo", w.program, quoted(w.file), at)},
		{"A mistake in the document changes nothing, and is explained.", fmt.Sprintf("%s 's/upstream: users/upstream: user/' %s; sleep 1; curl -s -H \"Authorization: Bearer $(cat %s)\" http://%s/api/status | grep mean; curl -s %s/users/1", inPlace, quoted(w.file), quoted(filepath.Join(w.dir, "data", "admin.token")), w.admin, at)},
		{"A better document takes over at once: no mistake, and a higher limit.", fmt.Sprintf("%s -e 's/upstream: user$/upstream: users/' -e 's|5/min|500/min|' %s; sleep 1; %s", inPlace, quoted(w.file), many(7, "/products/tea"))},
	}
	if w.python {
		stops = append(stops, stop{"A function that was made for AWS Lambda answers, as it is.", "curl -s -i -X POST " + at + "/order; curl -s " + at + "/user"})
	}
	return stops
}

// tour tells what to try.
func (w *world) tour(out io.Writer) {
	fmt.Fprintf(out, "\nThe gateway is at http://%s, in front of:\n", w.gateway)
	for _, s := range w.services {
		fmt.Fprintf(out, "  %-9s http://%s\n", s.name, s.address)
	}
	fmt.Fprintf(out, "Its document is %s: change it as you like.\n", w.file)
	fmt.Fprintf(out, "How it is doing: %s status -c %s, or http://%s/metrics; who called: %s/access.log\n", w.program, quoted(w.file), w.admin, w.dir)
	fmt.Fprint(out, "\nTry, in another terminal:\n")
	for i, s := range w.stops() {
		fmt.Fprintf(out, "\n%d. %s\n   %s\n", i+1, s.shows, s.command)
	}
	fmt.Fprint(out, "\nStop with Ctrl-C.\n")
}

// quoted is a name as a shell takes it.
func quoted(name string) string {
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") == "" {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}
