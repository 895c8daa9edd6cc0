package jsonlimits

import (
	"fmt"
	"strings"

	"sallyport/schema"
	"sallyport/wire"
)

// Config is what the document says.
type Config struct {
	Size          schema.Size `json:"size" default:"1MiB" min:"1B" max:"256MiB" doc:"The largest body, which is held in memory while it is judged."`
	Depth         int         `json:"depth" default:"64" min:"0" max:"10000" doc:"How many objects and arrays may stand in each other."`
	Members       int         `json:"members" default:"10000" min:"0" max:"100000000" doc:"How many keys all objects may have together."`
	Keys          int         `json:"keys" default:"1000" min:"0" max:"100000000" doc:"How many keys one object may have."`
	Items         int         `json:"items" default:"10000" min:"0" max:"100000000" doc:"How many items one array may have."`
	KeyLength     int         `json:"key_length" default:"256" min:"1" doc:"How many characters a key may have."`
	StringLength  *int        `json:"string_length" min:"0" doc:"How many characters a string may have; as many as size allows when it is not given."`
	NumberLength  int         `json:"number_length" default:"128" min:"1" doc:"How many characters a number may have, as it is written."`
	Exponent      int         `json:"exponent" default:"1000" min:"0" max:"1000000000" doc:"How large the exponent of a number may be, either way: some servers write 1e1000000000 out."`
	DuplicateKeys bool        `json:"duplicate_keys" doc:"Lets an object have a key twice; readers differ in which of the two counts."`
	ContentTypes  []string    `json:"content_types" one:"true" default:"[application/json, '*+json']" doc:"Types of bodies that are judged, with * for anything; a body without a type is judged as well."`
	Others        string      `json:"others" enum:"refuse,pass" default:"refuse" doc:"What happens to bodies of other types: refuse with 415, or pass; many servers read JSON whatever its type says."`
}

// Check judges the types.
func (c *Config) Check() error {
	for i, t := range c.ContentTypes {
		kind, sub, found := strings.Cut(strings.ReplaceAll(t, "*", "x"), "/")
		if !found && strings.HasPrefix(t, "*") {
			sub = kind
		}
		if !wire.ValidToken(kind) || !wire.ValidToken(sub) || strings.Count(t, "*") > 1 {
			return schema.At(fmt.Sprintf("content_types[%d]", i), fmt.Errorf("%q is no type; write such as application/json or *+json", t))
		}
	}
	return nil
}

// A pattern is an item of content_types.
type pattern struct {
	head, tail string
	wild       bool
}

func patternOf(text string) pattern {
	head, tail, wild := strings.Cut(text, "*")
	return pattern{head, tail, wild}
}

func (p *pattern) matches(kind string) bool {
	if !p.wild {
		return wire.EqualFold(kind, p.head)
	}
	return len(kind) >= len(p.head)+len(p.tail) && wire.EqualFold(kind[:len(p.head)], p.head) && wire.EqualFold(kind[len(kind)-len(p.tail):], p.tail)
}
