package balance

import (
	"fmt"
	"slices"
	"strings"

	"sallyport/schema"
	"sallyport/wire"
)

// This file holds settings that are one of a few words.

// A Protocol is what is spoken with targets.
type Protocol string

var protocols = choice{words: []string{"auto", "h1", "h2", "h2c"}}

// UnmarshalNode reads the word.
func (p *Protocol) UnmarshalNode(n *schema.Node, path string) schema.Errors {
	return protocols.read(n, path, (*string)(p))
}

// JSONSchema lists the words.
func (p *Protocol) JSONSchema() map[string]any { return protocols.schema() }

// SchemaKind is the type's name in the reference.
func (p *Protocol) SchemaKind() string { return protocols.kind() }

// A choice is the words that a setting may be, and those that it may be later.
type choice struct{ words, later []string }

func (c *choice) read(n *schema.Node, path string, into *string) (errs schema.Errors) {
	word := n.Text
	if n.Kind == schema.Map && len(n.Fields) == 1 {
		word = n.Fields[0].Name
	}
	switch {
	case slices.Contains(c.later, word):
		errs.Add(n, path, "not yet: %s; write %s", word, c.kind())
	case n.Kind == schema.Map || n.Kind == schema.List:
		errs.Add(n, path, "%s is given where a word is wanted; write %s", n.Kind, c.kind())
	case !slices.Contains(c.words, word):
		errs.Add(n, path, "%q is not known; write %s", word, c.kind())
	}
	*into = word
	return errs
}

func (c *choice) kind() string { return strings.Join(c.words, ", ") }

func (c *choice) schema() map[string]any {
	values := make([]any, len(c.words))
	for i, w := range c.words {
		values[i] = w
	}
	return map[string]any{"enum": values}
}

// A Host is what targets get as Host. The zero value is the target's own.
type Host struct {
	preserve bool
	name     string
}

// UnmarshalText reads preserve, target or a name with or without a port.
func (h *Host) UnmarshalText(text []byte) error {
	switch string(text) {
	case "target":
		*h = Host{}
		return nil
	case "preserve":
		*h = Host{preserve: true}
		return nil
	}
	r := wire.Request{Scheme: "http"}
	if fault := wire.ParseAuthority(string(text), &r); fault != nil {
		return fmt.Errorf("%s; write preserve, target or a host such as api.example.com", plain(fault))
	}
	*h = Host{name: authority(r.Host, r.Port)}
	return nil
}

func authority(host, port string) string {
	if port == "" {
		return host
	}
	return host + ":" + port
}

// value is the Host of a call on behalf of r to t. A client of HTTP/1.0 may have asked for none.
func (h Host) value(r *wire.Request, t *target) string {
	switch {
	case h.name != "":
		return h.name
	case !h.preserve || r.Host == "":
		return t.host
	case r.Port == "":
		return r.Host
	}
	var room [264]byte
	b := append(append(room[:0], r.Host...), ':')
	return r.Keep(append(b, r.Port...))
}
