// Package config is the document: what an operator writes. It reads files, merges them, folds environment and file values
// in, and decodes the whole with every error at once. It builds nothing: what a route's policies and backend
// mean is for their own packages to say, which package gateway asks.
//
// files.go and merge.go read; document.go, listener.go, api.go and limits.go declare the settings; check.go
// looks at what one setting alone cannot tell.
package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"sallyport/balance"
	"sallyport/function"
	"sallyport/identity"
	"sallyport/schema"
	"sallyport/telemetry"
)

// A Document is everything that an operator may set.
type Document struct {
	Listeners []Listener                 `json:"listeners" doc:"The addresses at which clients come in."`
	Upstreams map[string]*balance.Config `json:"upstreams" doc:"Pools of targets that requests are sent to, by name."`
	APIs      []API                      `json:"apis" doc:"Sets of routes with shared hosts, base path and policies."`
	Routes    []Route                    `json:"routes" doc:"The routes of the api named default: short for one api with nothing but routes."`
	Policies  map[string]*schema.Node    `json:"policies" kind:"policies" doc:"Policies by name, each one item or a list of items, for routes and apis to refer to as use: NAME."`

	Consumers []identity.Consumer              `json:"consumers" doc:"Registered client applications and what they prove themselves with; the store may have more."`
	Plans     map[string]identity.PlanSettings `json:"plans" doc:"What consumers are allowed, by name; the store may have more."`

	TrustedProxies []netip.Prefix   `json:"trusted_proxies" doc:"Networks of the proxies whose word about their clients counts: X-Forwarded-For, Forwarded and X-Request-Id of others are replaced."`
	ClientHeaders  ClientHeaders    `json:"client_headers" doc:"What clients may say although it is taken out by default."`
	Limits         Limits           `json:"limits" doc:"Bounds on what clients may send, how long they may take and how many connections they may have."`
	Telemetry      telemetry.Config `json:"telemetry" doc:"Access log and metrics."`
	Admin          Admin            `json:"admin" doc:"The listener for those who run the gateway: metrics, readiness, status and what they may change."`
	Store          Store            `json:"store" doc:"Where consumers, API keys and what else is durable are kept."`
	Drain          time.Duration    `json:"drain" default:"30s" max:"1h" doc:"How long requests under way may take to end when the gateway stops."`
	Tests          []Test           `json:"tests" doc:"Requests and what has to come of them, for sallyport test; a gateway that serves does not run them."`
	Lint           Lint             `json:"lint" doc:"What check thinks of the document."`
	Include        []string         `json:"include" one:"true" doc:"Further files, by name or pattern such as conf.d/*.yaml, relative to this one."`

	Functions map[string]*function.Config `json:"functions" doc:"What answers requests by events, by name: code that the gateway runs, or functions in AWS."`

	State struct{} `json:"state" later:"shared state comes with running on several machines; state is in memory for now"`

	// Source is where the document came from: a file, a directory, or the name given to Parse.
	Source string `json:"-"`
	// Root is the document as one tree, folded. It holds secrets in clear.
	Root *schema.Node `json:"-"`

	sets    []*API   // what All returns beside the api of the top-level routes
	files   []string // that were read, also those that could not be
	texts   []File
	watch   []string
	sum     []byte // of the files
	outside *outside
}

// Files returns the files that the document was read from, in order.
func (d *Document) Files() []string { return d.files }

// A File is one file of a document as it was written.
type File struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Texts returns the files that could be read, in order: what Restore makes the same document of.
func (d *Document) Texts() []File { return d.texts }

// Watch returns names in whose directories a change may change the document: its files, patterns of includes, and the
// files that expressions read.
func (d *Document) Watch() []string {
	d.outside.mu.Lock()
	defer d.outside.mu.Unlock()
	return slices.Concat(d.files, d.watch, d.outside.files)
}

// Digest tells two readings of a document apart: it changes with the bytes of its files and with the values that it took
// from the environment and other files up to now.
func (d *Document) Digest() string {
	h := sha256.New()
	h.Write(d.sum)
	d.outside.mu.Lock()
	defer d.outside.mu.Unlock()
	for _, what := range slices.Sorted(maps.Keys(d.outside.found)) {
		fmt.Fprintf(h, "%s\x00%x", what, d.outside.found[what])
	}
	return hex.EncodeToString(h.Sum(nil))
}

var documentType = schema.Of[Document]()

// Type describes the document, for the JSON Schema and the reference.
func Type() *schema.Type { return documentType }
