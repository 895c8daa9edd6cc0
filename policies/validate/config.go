package validate

import (
	"errors"
	"strings"

	"sallyport/policy"
	"sallyport/schema"
)

// Config is what the document says.
type Config struct {
	Request  *RequestConfig  `json:"request" doc:"What bodies of requests have to be."`
	Response *ResponseConfig `json:"response" doc:"What bodies of responses have to be."`

	Params  *schema.Node `json:"params" doc:"A schema of an object whose properties are the parameters of the route's path. Here and in query and headers text is read as the type that the property has."`
	Query   *schema.Node `json:"query" doc:"A schema of an object whose properties are the query parameters. One that stands there several times has to be an array."`
	Headers *schema.Node `json:"headers" doc:"A schema of an object whose properties are the header fields, in any case. Several values are one text with commas, or the items of an array."`

	Schemas []Resource `json:"schemas" doc:"Schemas that a $ref may lead to by their $id, each a file or the schema itself; also those with an $id within them."`

	Mode    string `json:"mode" enum:"enforce,report" default:"enforce" doc:"What happens to what is not as it has to be: enforce refuses it, report counts it, tells the log and lets it pass."`
	Formats bool   `json:"formats" default:"true" doc:"Whether format is checked, such as date-time, email and uuid; otherwise it only describes."`
	Depth   int    `json:"depth" default:"64" min:"1" max:"200" doc:"How many objects and arrays of a body may stand in each other."`
	Values  int    `json:"values" default:"50000" min:"1" max:"5000000" doc:"How many values a body may have, objects and arrays included; half of that where the schema has each judged four times, and so on. Each may be wrong, and what is wrong takes memory until all of it is found."`
}

// Document is one schema.
type Document struct {
	Schema *schema.Node `json:"schema" doc:"The JSON Schema, of 2020-12 unless its $schema says otherwise. A $ref may lead to files below the document's folder, never into the network."`
	File   *File        `json:"file" doc:"The file with the schema, as JSON or YAML, in place of schema."`
}

// RequestConfig is about bodies of requests.
type RequestConfig struct {
	Document
	Required bool `json:"required" default:"true" doc:"Whether there has to be a body."`
	Body
}

// ResponseConfig is about bodies of responses.
type ResponseConfig struct {
	Document
	Statuses map[string]Document `json:"statuses" doc:"Schemas by status, such as 404 or 4xx; the more exact one counts. The schema beside it is for each 2xx that has none here; other statuses pass."`
	Body
}

// Body is the same for both.
type Body struct {
	Size         schema.Size    `json:"size" default:"1MiB" min:"1B" max:"64MiB" doc:"The largest body, which is held in memory while it is judged."`
	ContentTypes []policy.Media `json:"content_types" one:"true" default:"[application/json, '*+json']" doc:"Types of bodies that are judged, with * for anything; a body without a type is judged as well."`
	Others       string         `json:"others" enum:"refuse,pass" default:"refuse" doc:"What happens to bodies of other types."`
}

// Check wants one schema, and something to do.
func (c *Config) Check() error {
	if c.Request == nil && c.Response == nil && c.Params == nil && c.Query == nil && c.Headers == nil {
		return errors.New("it validates nothing; give request, response, params, query or headers")
	}
	return nil
}

// Check wants one schema.
func (c *RequestConfig) Check() error { return c.one() }

// Check wants a schema for something.
func (c *ResponseConfig) Check() error {
	if len(c.Statuses) > 0 && c.Schema == nil && c.File == nil {
		return c.names()
	}
	return errors.Join(c.one(), c.names())
}

func (c *ResponseConfig) names() error {
	var errs []error
	for name, d := range c.Statuses {
		at := schema.Join("statuses", name)
		if err := new(policy.Status).UnmarshalText([]byte(name)); err != nil {
			errs = append(errs, schema.At(at, err))
		}
		if err := d.one(); err != nil {
			errs = append(errs, schema.At(at, err))
		}
	}
	return errors.Join(errs...)
}

func (d *Document) one() error {
	switch {
	case d.Schema == nil && d.File == nil:
		return errors.New("there is no schema; give schema or file")
	case d.Schema != nil && d.File != nil:
		return schema.At("file", errors.New("there is a schema already; give one of the two"))
	}
	return nil
}

// A File is a file with a schema. It is read with the document, of which it is a part.
type File struct{ node *schema.Node }

// UnmarshalNode takes the name; the file is read when the schema is compiled.
func (f *File) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	if n.Kind != schema.String || n.Text == "" || !n.Literal && strings.Contains(n.Text, "${") {
		errs.Add(n, path, "write the name of a file; it is read at load, so it cannot depend on requests")
	}
	f.node = n
	return errs
}

// JSONSchema says that it is text.
func (f *File) JSONSchema() map[string]any { return map[string]any{"type": "string"} }

// SchemaKind is the type's name in the reference.
func (f *File) SchemaKind() string { return "name of a file" }

// A Resource is a schema with an $id, or a file with one.
type Resource struct{ node *schema.Node }

// UnmarshalNode takes the name or the schema; it is read when what refers to it is compiled.
func (r *Resource) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	if r.node = n; n.Kind == schema.Map {
		return nil
	}
	return new(File).UnmarshalNode(n, path)
}

// JSONSchema says that it is text or an object.
func (r *Resource) JSONSchema() map[string]any {
	return map[string]any{"type": []string{"string", "object"}}
}

// SchemaKind is the type's name in the reference.
func (r *Resource) SchemaKind() string { return "name of a file, or map" }
