package gateway

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sallyport/config"
	"sallyport/schema"
)

// This file tells two documents apart in the words of somebody who changed one of them.

// A difference is what of one sort was added, removed and changed.
type difference struct {
	what                    string
	added, removed, changed []string
}

type differencesList []difference

// differences compares what two snapshots serve.
func differences(a, b *snapshot) differencesList {
	return differencesList{
		compare("routes", routeSums(a), routeSums(b)),
		compare("upstreams", nodeSums(a.doc.Root.Field("upstreams")), nodeSums(b.doc.Root.Field("upstreams"))),
		compare("listeners", listenerSums(a), listenerSums(b)),
		compare("settings", settingSums(a), settingSums(b)),
	}
}

func compare[T comparable](what string, a, b map[string]T) difference {
	d := difference{what: what}
	for _, name := range slices.Sorted(maps.Keys(a)) {
		switch sum, still := b[name]; {
		case !still:
			d.removed = append(d.removed, name)
		case sum != a[name]:
			d.changed = append(d.changed, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b)) {
		if _, had := a[name]; !had {
			d.added = append(d.added, name)
		}
	}
	return d
}

// args are the differences as a log line has them.
func (l differencesList) args() (args []any) {
	for _, d := range l {
		for _, part := range []struct {
			verb  string
			names []string
		}{{"added", d.added}, {"removed", d.removed}, {"changed", d.changed}} {
			if len(part.names) > 0 {
				args = append(args, d.what+"_"+part.verb, listed(part.names))
			}
		}
	}
	if len(args) == 0 {
		args = []any{"changes", "none"}
	}
	return args
}

// byName are the differences for programs.
func (l differencesList) byName() map[string][]string {
	all := map[string][]string{}
	for _, d := range l {
		for verb, names := range map[string][]string{"added": d.added, "removed": d.removed, "changed": d.changed} {
			if len(names) > 0 {
				all[d.what+"_"+verb] = names
			}
		}
	}
	return all
}

// listed names a few and counts the rest.
func listed(names []string) string {
	const most = 8
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

func routeSums(s *snapshot) map[string][sha256.Size]byte {
	sums := make(map[string][sha256.Size]byte, len(s.table.Rules()))
	for _, r := range s.table.Rules() {
		name := r.Value.name
		if r.Value.api != "default" {
			name = r.Value.api + ": " + name
		}
		sums[name] = r.Value.sum
	}
	return sums
}

func listenerSums(s *snapshot) map[string]string {
	sums := map[string]string{}
	for i, n := range s.doc.Root.Field("listeners").List() {
		if i < len(s.doc.Listeners) {
			sums[s.doc.Listeners[i].Address] = spelt(n) + certificateSums(s.doc.Listeners[i].TLS)
		}
	}
	return sums
}

// certificateSums tell certificates apart: what their files hold is no part of the document's text.
func certificateSums(t *config.ListenerTLS) (sums string) {
	if t == nil {
		return ""
	}
	for _, c := range certificates(t).All() {
		sums += " " + c.Leaf.SerialNumber.String() + " " + c.Expires().String()
	}
	return sums
}

func nodeSums(n *schema.Node, but ...string) map[string]string {
	sums := map[string]string{}
	for _, f := range n.Entries() {
		if !slices.Contains(but, f.Name) {
			sums[f.Name] = spelt(f.Node)
		}
	}
	return sums
}

// settingSums are the top-level settings that are not told of by name.
func settingSums(s *snapshot) map[string]string {
	return nodeSums(s.doc.Root, "routes", "apis", "upstreams", "listeners", "policies")
}

func spelt(n *schema.Node) string { return string(spell(nil, n)) }
