// Package lint is the list of what a document had better not do although it works: one rule for each, with a code to look it up by.
//
// A rule is declared once, as a package variable beside the code that finds it:
//
//	var lateFilter = lint.Define(lint.Rule{Code: "SP102", Title: "…", Why: "…", Do: "…", Example: "…"})
//
// The reference page and check --explain are made of that.
package lint

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
)

// A Severity says what a finding is worth.
type Severity uint8

// The severities. Warnings make check --strict fail, notes do not.
const (
	Warning Severity = iota
	Note
)

func (s Severity) String() string { return [...]string{"warning", "note"}[s] }

// MarshalText writes the word.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// A Rule is one thing that a document had better not do.
type Rule struct {
	Code     string   `json:"code"` // SP and three digits; the first tells what it is about, see Groups
	Severity Severity `json:"severity"`
	Title    string   `json:"title"`   // what was found, in a few words
	Why      string   `json:"why"`     // what can come of it
	Do       string   `json:"do"`      // the way out
	Example  string   `json:"example"` // a part of a document that has it
}

// Groups are what the codes are about, by their first digit.
var Groups = []struct {
	Digit byte
	Title string
}{
	{'1', "Policies and their order"},
	{'2', "Routes and what refers to what"},
	{'3', "Limits"},
	{'4', "Trust and encryption"},
	{'5', "Upstreams"},
	{'6', "Consumers, credentials and plans"},
	{'7', "Browsers"},
	{'8', "Content"},
	{'9', "The process and this list"},
}

// all holds the declared rules.
var all []*Rule

var code = regexp.MustCompile(`^SP[0-9]{3}$`)

// Define declares a rule. Two of one code, or one that does not say everything or is about nothing that has a group, are a bug in the program, so it panics.
func Define(r Rule) *Rule {
	if !code.MatchString(r.Code) || !grouped(r.Code[2]) || ByCode(r.Code) != nil || r.Title == "" || r.Why == "" || r.Do == "" || r.Example == "" {
		panic(fmt.Sprintf("lint: %s is declared twice, or not whole", r.Code))
	}
	all = append(all, &r)
	return &r
}

func grouped(digit byte) bool {
	for _, g := range Groups {
		if g.Digit == digit {
			return true
		}
	}
	return false
}

// All returns the declared rules by code.
func All() []*Rule {
	list := slices.Clone(all)
	slices.SortFunc(list, func(a, b *Rule) int { return cmp.Compare(a.Code, b.Code) })
	return list
}

// ByCode returns the rule of that code, nil when there is none.
func ByCode(code string) *Rule {
	for _, r := range all {
		if r.Code == code {
			return r
		}
	}
	return nil
}
