// Package xmljson makes JSON of XML and XML of JSON, by a mapping that the document declares.
package xmljson

import (
	"errors"
	"fmt"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
	"sallyport/xmlmap"
)

const name = "xml_json"

// Kind declares the policy xml_json.
var Kind = plug.Define(name, "Makes JSON of XML and XML of JSON, in requests and responses, by a declared mapping.", build)

type converter struct {
	*plug.Remaker
	request, response *mapper
	size              int64
}

// A mapper makes one of the other.
type mapper struct {
	to          string
	contentType string
	reads       policy.Reads
	*xmlmap.Mapper
	large int // bytes of what is made
}

// grows is how often as large as what may be read what is made may be: names of elements are written twice in XML, and once for all items of a list
// in JSON.
const grows = 8

func build(c Config, env *plug.Env) (policy.Policy, error) {
	v := &converter{size: int64(c.Size)}
	var ask func(*policy.Exchange) error
	var answer func(*policy.Exchange, *wire.Response) error
	if c.Request != nil {
		v.request, ask = c.mapper(&c.Request.Mapping, c.Request.Others == "pass"), v.ask
	}
	if c.Response != nil {
		v.response, answer = c.mapper(&c.Response.Mapping, c.Response.Others == "pass"), v.answer
	}
	v.Remaker = env.Remaker(name, ask, answer)
	return v, nil
}

func (c *Config) mapper(m *Mapping, pass bool) *mapper {
	large := grows * int(c.Size)
	out := &mapper{
		to: m.To, contentType: m.ContentType, reads: readsFor(m.To, pass), large: large,
		Mapper: xmlmap.New(&xmlmap.Rules{Names: c.Names, Bounds: c.Bounds, ToJSON: m.ToJSON, ToXML: m.ToXML, Large: large}),
	}
	if out.contentType == "" {
		out.contentType = map[string]string{"json": "application/json", "xml": "text/xml; charset=utf-8"}[m.To]
	}
	return out
}

// readsFor are the bodies that something is made of.
func readsFor(to string, pass bool) policy.Reads {
	if to == "json" {
		return policy.Reads{Types: xmlTypes, What: "XML", Pass: pass}
	}
	return policy.Reads{Types: jsonTypes, What: "JSON", UTF8: true, Pass: pass}
}

// convert makes what is wanted of a body.
func (m *mapper) convert(b []byte, charset string) ([]byte, error) {
	if m.to == "json" {
		return m.JSON(b, charset)
	}
	return m.XML(b)
}

// ask changes a request.
func (v *converter) ask(x *policy.Exchange) error {
	r, m := x.Request, v.request
	if r.Body == nil {
		return nil
	}
	d, read, err := m.reads.Request(&r.Header)
	if !read {
		return err
	}
	b, err := x.Body(v.size)
	if err != nil || len(b) == 0 {
		return err
	}
	made, err := m.convert(b, d.Charset)
	switch {
	case errors.Is(err, xmlmap.ErrLarge):
		return problem.BodyTooBig.New("What would be made of the body has more than %d bytes.", m.large).Because(err)
	case err != nil:
		p := problem.Invalid.New("Nothing can be made of the body here.").Because(err)
		p.Extra = map[string]any{"errors": []any{map[string]any{"pointer": "", "detail": "The body cannot be read: " + err.Error() + "."}}}
		return p
	}
	x.SetBody(made)
	r.Trailer.Reset()
	m.describe(&r.Header)
	return nil
}

// answer changes a response.
func (v *converter) answer(x *policy.Exchange, resp *wire.Response) error {
	m := v.response
	if policy.Bodyless(resp) || m.reads.Pass && !resp.Header.Has("Content-Type") {
		return nil
	}
	d, read, err := m.reads.Response(resp)
	if !read {
		return err
	}
	if x.Request.Method == "HEAD" {
		resp.Length = -1
		m.describe(&resp.Header)
		return nil
	}
	vars := policy.ResponseVars{Exchange: x, Response: resp}
	b, err := vars.Body(v.size)
	if err != nil || len(b) == 0 {
		return err
	}
	made, err := m.convert(b, d.Charset)
	if err != nil {
		return problem.BadResponse.Wrap(fmt.Errorf("making %s of the response: %w", m.to, err))
	}
	policy.Replace(resp, made)
	m.describe(&resp.Header)
	return nil
}

// describe has a header fit what was made.
func (m *mapper) describe(h *wire.Header) {
	h.Set("Content-Type", m.contentType)
	policy.Remade(h)
}
