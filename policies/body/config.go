package body

import (
	"errors"
	"maps"
	"slices"

	"sallyport/expr"
	"sallyport/jsonspan"
	"sallyport/policy"
	"sallyport/schema"
)

// Config is what the document says.
type Config struct {
	Request  *Request  `json:"request" doc:"The body that the request goes on with: any value with ${…} in it, or a map of these settings."`
	Response *Response `json:"response" doc:"The body that the response goes on with: any value with ${…} in it, or a map of these settings."`
}

// Check wants something to do.
func (c *Config) Check() error {
	if c.Request == nil && c.Response == nil {
		return errors.New("it does nothing; give request or response")
	}
	return nil
}

// Check refuses what cannot be done to a response as it passes.
func (r *ResponseSettings) Check() error {
	if !r.Stream {
		return nil
	}
	if r.Value != nil {
		return schema.At("stream", errors.New("a value is made at once, in memory; it goes without"))
	}
	var errs []error
	for setting, values := range map[string]map[string]expr.ResponseJSON{"set": r.Set, "defaults": r.Defaults} {
		for path, v := range values {
			if slices.ContainsFunc(v.Uses(), func(ref expr.Ref) bool { return ref.Root == "response" && ref.Field == "body" }) {
				errs = append(errs, schema.At(schema.Join(setting, path), errors.New("with stream there is no response.body: it has not come yet")))
			}
		}
	}
	return errors.Join(errs...)
}

// A Shape is what is done to JSON that is there.
type Shape struct {
	Select       []string          `json:"select" one:"true" doc:"Paths of what stays, such as items[].id; all else goes."`
	Omit         []string          `json:"omit" one:"true" doc:"Paths of what goes, such as items[].secret."`
	Rename       map[string]string `json:"rename" doc:"New names by paths, such as items[].sku: article."`
	Size         schema.Size       `json:"size" default:"1MiB" min:"1B" max:"64MiB" doc:"The largest body that is read, which is held in memory."`
	ContentTypes []policy.Media    `json:"content_types" one:"true" default:"[application/json, '*+json']" doc:"Types of bodies that are read, with * for anything; one without a type is read as well."`
}

// RequestSettings are those of requests.
type RequestSettings struct {
	Value    *expr.JSON           `json:"value" doc:"A body in place of the one that is there, with ${…} in it; what follows is done to it."`
	Set      map[string]expr.JSON `json:"set" doc:"Values by the paths where they are put, after select, omit and rename, such as user.id. Objects on the way are made, lists are not."`
	Defaults map[string]expr.JSON `json:"defaults" doc:"Values by paths, put where there is nothing."`
	Shape
	Others string `json:"others" enum:"refuse,pass" default:"refuse" doc:"What happens to bodies of other types when there is no value: refuse with 415, or pass as they are."`
}

// ResponseSettings are those of responses.
type ResponseSettings struct {
	Value    *expr.ResponseJSON           `json:"value" doc:"A body in place of the one that is there, with ${…} in it; what follows is done to it."`
	Set      map[string]expr.ResponseJSON `json:"set" doc:"Values by the paths where they are put, after select, omit and rename, such as user.id. Objects on the way are made, lists are not."`
	Defaults map[string]expr.ResponseJSON `json:"defaults" doc:"Values by paths, put where there is nothing."`
	Shape
	Stream   bool            `json:"stream" doc:"Has a response go on while it comes, a member of its object or an item of its list at a time: size is then of such a piece, and of what is larger than 64 KiB the client sees the beginning before the end is judged. It goes without value, and without response.body in set and defaults."`
	Statuses []policy.Status `json:"statuses" one:"true" default:"[2xx]" doc:"Responses that are meant, such as 200 or 4xx."`
	Others   string          `json:"others" enum:"refuse,pass" default:"refuse" doc:"What happens to bodies of other types when there is no value: refuse with 502, or pass as they are. What is to be left out must not stay because of a type."`
}

var (
	requestType  = schema.Of[RequestSettings]()
	responseType = schema.Of[ResponseSettings]()
)

// Request is a body or settings.
type Request struct {
	RequestSettings
	slip string
}

// UnmarshalNode reads settings or a body.
func (r *Request) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	r.slip, errs = either(n, path, requestType, &r.RequestSettings, func() schema.Unmarshaler {
		r.Value = &expr.JSON{}
		return r.Value
	})
	return errs
}

// Response is a body or settings.
type Response struct {
	ResponseSettings
	slip string
}

// UnmarshalNode reads settings or a body.
func (r *Response) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	r.slip, errs = either(n, path, responseType, &r.ResponseSettings, func() schema.Unmarshaler {
		r.Value = &expr.ResponseJSON{}
		return r.Value
	})
	return errs
}

// JSONSchema says that it is anything.
func (*Request) JSONSchema() map[string]any { return map[string]any{} }

// SchemaKind is the type's name in the reference.
func (*Request) SchemaKind() string { return "any value, ${…} allowed, or map of settings" }

// SchemaType is that of the settings.
func (*Request) SchemaType() *schema.Type { return requestType }

// JSONSchema says that it is anything.
func (*Response) JSONSchema() map[string]any { return map[string]any{} }

// SchemaKind is the type's name in the reference.
func (*Response) SchemaKind() string { return "any value, ${…} allowed, or map of settings" }

// SchemaType is that of the settings.
func (*Response) SchemaType() *schema.Type { return responseType }

// shaped makes what is done to JSON, nil for nothing; in is the setting that it stands in.
func (s *Shape) shaped(in string) (*jsonspan.Shape, error) {
	if len(s.Select)+len(s.Omit)+len(s.Rename) == 0 {
		return nil, nil //nolint:nilnil // nothing is done
	}
	from := slices.Sorted(maps.Keys(s.Rename))
	var pairs [][2]string
	for _, path := range from {
		pairs = append(pairs, [2]string{path, s.Rename[path]})
	}
	shape, err := jsonspan.NewShape(s.Select, s.Omit, pairs)
	return shape, placed(err, func(e *jsonspan.PathError) string {
		if e.Setting == "rename" {
			return schema.Join(in+".rename", from[e.Index])
		}
		return schema.Index(in+"."+e.Setting, e.Index)
	})
}

// placed puts errors of paths where they stand.
func placed(err error, where func(*jsonspan.PathError) string) error {
	joined, ok := err.(interface{ Unwrap() []error }) //nolint:errorlint // it is made a line above
	if !ok {
		return err
	}
	var out []error
	for _, e := range joined.Unwrap() {
		var p *jsonspan.PathError
		if errors.As(e, &p) {
			e = schema.At(where(p), p.Err)
		}
		out = append(out, e)
	}
	return errors.Join(out...)
}

// A put is a value for a path.
type put struct {
	jsonspan.Put
	value   expr.JSON
	setting string
}

// puts lists those of two settings in an order that is always the same.
func puts(in string, set, defaults map[string]expr.JSON) (out []put) {
	for _, path := range slices.Sorted(maps.Keys(set)) {
		out = append(out, put{jsonspan.Put{Path: path}, set[path], schema.Join(in+".set", path)})
	}
	for _, path := range slices.Sorted(maps.Keys(defaults)) {
		out = append(out, put{jsonspan.Put{Path: path, Keep: true}, defaults[path], schema.Join(in+".defaults", path)})
	}
	return out
}

func plain(m map[string]expr.ResponseJSON) map[string]expr.JSON {
	out := make(map[string]expr.JSON, len(m))
	for path, v := range m {
		out[path] = v.JSON
	}
	return out
}
