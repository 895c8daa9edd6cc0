package main

// What the program has on offer: policies and backends, the same way for every command.

import (
	"strings"

	"sallyport/backends"
	"sallyport/config"
	"sallyport/expr"
	"sallyport/policies"
	"sallyport/schema"
)

// A thing is one policy or backend.
type thing struct {
	name, summary string
	config        *schema.Type
	example       string // a script, as its folder has it
}

// A thingRow is a thing in a listing.
type thingRow struct {
	Name     string           `json:"name"`
	Summary  string           `json:"summary"`
	Settings []schema.Setting `json:"settings,omitempty"`
	Schema   map[string]any   `json:"schema,omitempty"`
	Example  string           `json:"example,omitempty"`
}

func (t thing) row(full bool) thingRow {
	r := thingRow{Name: t.name, Summary: t.summary}
	if full {
		r.Settings, r.Schema, r.Example = t.config.Settings(), t.config.JSONSchema(), t.example
	}
	return r
}

func allPolicies() []thing {
	var all []thing
	for _, k := range policies.All {
		all = append(all, thing{k.Name, k.Summary, k.Config, policies.Example(k.Name)})
	}
	return all
}

func allBackends() []thing {
	var all []thing
	for _, k := range backends.All {
		all = append(all, thing{k.Name, k.Summary, k.Config, backends.Example(k.Name)})
	}
	return all
}

// section is the first part of that name of a script.
func section(script, name string) string {
	_, after, found := strings.Cut("\n"+script, "\n-- "+name+" --\n")
	if !found {
		return ""
	}
	if end := strings.Index("\n"+after, "\n-- "); end >= 0 {
		return after[:end]
	}
	return after
}

// intro is what a script says before its first section.
func intro(script string) string {
	text, _, _ := strings.Cut("\n"+script, "\n-- ")
	return strings.TrimSpace(text)
}

// A policyItem is what an item of "policies:" may be. Package gateway reads it by hand, for the sake of its errors.
type policyItem struct {
	When expr.Condition  `json:"when" default:"" doc:"Expression that must hold for the policy to run."`
	Use  string          `json:"use" default:"" doc:"Name of a policy under policies, in place of one written here."`
	Rest []*schema.Field `json:"-" rest:"true" kind:"policy" doc:"One policy."`
}

// documentSchema is the JSON Schema of the document with all policies and backends.
func documentSchema() map[string]any {
	item, items := schema.Choice{Type: schema.Of[policyItem]()}, schema.Choice{Type: schema.Of[[]policyItem]()}
	policies := allPolicies()
	kinds := map[string][]schema.Choice{
		"policy":   append(choices(policies), item),
		"policies": {item, items},
		"backend":  choices(allBackends()),
	}
	for _, p := range policies {
		if p.name == "rewrite" || p.name == "mirror" { // a route takes the same settings
			kinds[p.name] = []schema.Choice{{Type: p.config}}
		}
	}
	s := schema.Document(config.Type(), kinds)
	s["title"] = "The document of the Sallyport gateway"
	return s
}

func choices(all []thing) []schema.Choice {
	var list []schema.Choice
	for _, t := range all {
		list = append(list, schema.Choice{Name: t.name, Summary: t.summary, Type: t.config})
	}
	return list
}

// traffic is a script from its first request on.
func traffic(script string) string {
	_, after, _ := strings.Cut(script, section(script, "config"))
	return after
}
