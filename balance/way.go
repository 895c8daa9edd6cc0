package balance

import (
	"fmt"
	"slices"
	"strings"

	"sallyport/schema"
)

// This file reads the setting balance: a word, or a map of one with settings of its own.

// A Way is how a target is chosen.
type Way string

// The ways to choose.
const (
	P2C            Way = "p2c_ewma"
	RoundRobin     Way = "round_robin"
	Random         Way = "random"
	LeastRequest   Way = "least_request"
	ConsistentHash Way = "consistent_hash"
)

var plainWays = []Way{P2C, RoundRobin, LeastRequest, Random}

// A Balance is the setting balance.
type Balance struct {
	way  Way
	hash Hash // for consistent_hash
}

// A ways is a Balance that is a map.
type ways struct {
	ConsistentHash *Hash `json:"consistent_hash" doc:"Calls that have something in common go to the same target, on every gateway."`
}

var (
	waysType  = schema.Of[ways]()
	needsOn   = "consistent_hash needs to know what calls have in common; write { consistent_hash: { on: ip } }, or on: header:NAME, cookie:NAME or an expression"
	knownWays = fmt.Sprintf("%s, %s, %s, %s or { consistent_hash: { on: … } }", P2C, RoundRobin, LeastRequest, Random)
)

// UnmarshalNode reads the setting.
func (b *Balance) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	switch {
	case n.Kind == schema.Map:
		return b.settings(n, path)
	case n.Kind == schema.List:
		errs.Add(n, path, "%s is given where one way to balance is wanted; write %s", n.Kind, knownWays)
	case n.Text == string(ConsistentHash):
		errs.Add(n, path, "%s", needsOn)
	case !slices.Contains(plainWays, Way(n.Text)):
		errs.Add(n, path, "%q is not known%s; write %s", n.Text, near(n.Text), knownWays)
	}
	b.way = Way(n.Text)
	return errs
}

// settings reads a map.
func (b *Balance) settings(n *schema.Node, path string) (errs schema.Errors) {
	if len(n.Fields) != 1 {
		errs.Add(n, path, "write one way to balance: %s", knownWays)
		return errs
	}
	f := n.Fields[0]
	switch {
	case slices.Contains(plainWays, Way(f.Name)):
		errs.Add(n, path, "%s has no settings; write balance: %s", f.Name, f.Name)
		return errs
	case f.Name == string(ConsistentHash) && (f.Node.Kind != schema.Map || f.Node.Field("on") == nil):
		errs.Add(f.Node, schema.Join(path, f.Name), "%s", needsOn)
		return errs
	}
	var w ways
	if errs = waysType.Decode(n, &w, path); len(errs) == 0 {
		*b = Balance{ConsistentHash, *w.ConsistentHash}
	}
	return errs
}

func near(word string) string {
	known := []string{string(ConsistentHash)}
	for _, w := range plainWays {
		known = append(known, string(w))
	}
	if n := schema.Nearest(word, known); n != "" {
		return fmt.Sprintf(", did you mean %s?", n)
	}
	return ""
}

// JSONSchema lists the words, and the map.
func (*Balance) JSONSchema() map[string]any {
	words := make([]any, len(plainWays))
	for i, w := range plainWays {
		words[i] = string(w)
	}
	s := waysType.JSONSchema()
	s["type"], s["required"] = "object", []any{string(ConsistentHash)}
	delete(s, "$schema")
	return map[string]any{"anyOf": []any{map[string]any{"enum": words}, s}}
}

// SchemaKind is the type's name in the reference.
func (*Balance) SchemaKind() string {
	words := make([]string, len(plainWays))
	for i, w := range plainWays {
		words[i] = string(w)
	}
	return strings.Join(words, ", ") + " or a map"
}

// SchemaType lists the settings of the map.
func (*Balance) SchemaType() *schema.Type { return waysType }
