package config

import (
	"errors"
	"strings"

	"sallyport/schema"
)

// Lint is what check thinks of the document.
type Lint struct {
	Allow []Allowed `json:"allow" doc:"Findings that are on purpose: codes, or maps with where and why."`
}

// An Allowed is a finding that is on purpose.
type Allowed struct {
	Code string `json:"code" short:"true" doc:"The code of the finding, such as SP402; sallyport check --explain CODE tells what it is."`
	At   string `json:"at" default:"" doc:"Where it is on purpose: route NAME, api NAME, upstream NAME, policy NAME or listener ADDRESS; everywhere without."`
	Why  string `json:"why" default:"" doc:"Why, for whoever reads the document."`
}

// places are what an exception may be about.
var places = []string{"route", "api", "upstream", "policy", "listener"}

// Check judges an exception.
func (a *Allowed) Check() error {
	if a.At == "" {
		return nil
	}
	what, name, _ := strings.Cut(a.At, " ")
	for _, p := range places {
		if what == p && strings.TrimSpace(name) != "" {
			return nil
		}
	}
	return schema.At("at", errors.New("write what and its name, such as upstream users; what is one of "+strings.Join(places, ", ")))
}
