package jsonlimits

import (
	"sallyport/policy"
	"sallyport/schema"
)

// Config is what the document says.
type Config struct {
	Size          schema.Size    `json:"size" default:"1MiB" min:"1B" max:"256MiB" doc:"The largest body, which is held in memory while it is judged."`
	Depth         int            `json:"depth" default:"64" min:"0" max:"10000" doc:"How many objects and arrays may stand in each other."`
	Members       int            `json:"members" default:"10000" min:"0" max:"100000000" doc:"How many keys all objects may have together."`
	Keys          int            `json:"keys" default:"1000" min:"0" max:"100000000" doc:"How many keys one object may have."`
	Items         int            `json:"items" default:"10000" min:"0" max:"100000000" doc:"How many items one array may have."`
	KeyLength     int            `json:"key_length" default:"256" min:"1" doc:"How many characters a key may have."`
	StringLength  *int           `json:"string_length" min:"0" doc:"How many characters a string may have; as many as size allows when it is not given."`
	NumberLength  int            `json:"number_length" default:"128" min:"1" doc:"How many characters a number may have, as it is written."`
	Exponent      int            `json:"exponent" default:"1000" min:"0" max:"1000000000" doc:"How large the exponent of a number may be, either way: some servers write 1e1000000000 out."`
	DuplicateKeys bool           `json:"duplicate_keys" doc:"Lets an object have a key twice; readers differ in which of the two counts."`
	ContentTypes  []policy.Media `json:"content_types" one:"true" default:"[application/json, '*+json']" doc:"Types of bodies that are judged, with * for anything; a body without a type is judged as well."`
	Others        string         `json:"others" enum:"refuse,pass" default:"refuse" doc:"What happens to bodies of other types: refuse with 415, or pass; many servers read JSON whatever its type says."`
}
