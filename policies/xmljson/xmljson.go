// Package xmljson makes JSON of XML and XML of JSON, by a mapping that the document declares.
package xmljson

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

const name = "xml_json"

// Kind declares the policy xml_json.
var Kind = plug.Define(name, "Makes JSON of XML and XML of JSON, in requests and responses, by a declared mapping.", build)

type converter struct {
	request, response *mapper
	size              int64

	denyType, denySize, denyBody, denyResponse func(*policy.Exchange)
}

// A mapper makes one of the other.
type mapper struct {
	to          string
	contentType string
	pass        bool // bodies of other types

	take, arrays, numbers, booleans, order []path
	wrap                                   []string

	attribute, textName string
	prefixes            map[string]string // by the name of a namespace
	declared            map[string]bool   // prefixes
	declarations        [][2]string       // attributes of the document's element
	xsi                 string            // the prefix of nil, "" for none
	depth, most         int
}

func build(c Config, env *plug.Env) (policy.Policy, error) {
	v := &converter{
		size: int64(c.Size), denyType: env.Denier(name, "type"), denySize: env.Denier(name, "size"), denyBody: env.Denier(name, "body"),
		denyResponse: env.Denier(name, "response"),
	}
	if c.Request != nil {
		v.request = c.mapper(&c.Request.Mapping, c.Request.Others == "pass")
	}
	if c.Response != nil {
		v.response = c.mapper(&c.Response.Mapping, c.Response.Others == "pass")
	}
	return v, nil
}

func (c *Config) mapper(m *Mapping, pass bool) *mapper {
	out := &mapper{
		to: m.To, contentType: m.ContentType, pass: pass, take: newPaths(m.Take), arrays: newPaths(m.Arrays), numbers: newPaths(m.Numbers),
		booleans: newPaths(m.Booleans), order: newPaths(m.Order), attribute: c.Attributes, textName: c.Text,
		prefixes: map[string]string{}, declared: map[string]bool{"xml": true}, depth: c.Depth, most: c.Elements,
	}
	out.prefixes[nsXML] = "xml"
	if m.Wrap != "" {
		out.wrap = newPath(m.Wrap).steps
	}
	for prefix, uri := range c.Namespaces {
		out.prefixes[uri], out.declared[prefix] = prefix, true
		attribute := "xmlns:" + prefix
		if prefix == "_" {
			attribute = "xmlns"
		}
		if uri == nsXSI && prefix != "_" {
			out.xsi = prefix
		}
		out.declarations = append(out.declarations, [2]string{attribute, uri})
	}
	slices.SortFunc(out.declarations, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	if out.contentType == "" {
		out.contentType = map[string]string{"json": "application/json", "xml": "text/xml; charset=utf-8"}[m.To]
	}
	return out
}

// Handle changes the request, and what comes back.
func (v *converter) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	if v.request != nil {
		if err := v.ask(x); err != nil {
			v.count(x, err)
			return nil, err
		}
	}
	if v.response == nil {
		return next(x)
	}
	policy.AskWhole(x.Request)
	resp, err := next(x)
	if err != nil {
		return nil, err
	}
	if err := v.answer(x, resp); err != nil {
		v.denyResponse(x)
		resp.Close()
		return nil, err
	}
	return resp, nil
}

func (v *converter) count(x *policy.Exchange, err error) {
	switch p := problem.From(err); p.Type {
	case problem.BadMedia:
		v.denyType(x)
	case problem.BodyTooBig:
		v.denySize(x)
	case problem.Invalid:
		v.denyBody(x)
	}
}

// from are the types that are made something of.
func (m *mapper) from() []policy.Media {
	if m.to == "json" {
		return xmlTypes
	}
	return jsonTypes
}

// convert makes what is wanted of a body.
func (m *mapper) convert(b []byte, charset string) ([]byte, error) {
	if m.to == "json" {
		return m.toJSON(b, charset)
	}
	return m.toXML(b)
}

// ask changes a request.
func (v *converter) ask(x *policy.Exchange) error {
	r, m := x.Request, v.request
	if r.Body == nil {
		return nil
	}
	d := policy.Describe(&r.Header)
	switch {
	case d.Twice:
		return problem.BadMedia.New("The request has several Content-Type fields.")
	case !d.Is(m.from()):
		if m.pass {
			return nil
		}
		return problem.BadMedia.New("A body of %s is wanted here.", map[string]string{"json": "XML", "xml": "JSON"}[m.to])
	case m.to == "xml" && !d.UTF8():
		return problem.BadMedia.New("JSON is wanted in UTF-8 here.")
	case d.Encoded:
		return problem.BadMedia.New("A body without Content-Encoding is wanted here.").With("Accept-Encoding", "identity")
	}
	b, err := x.Body(v.size)
	if err != nil || len(b) == 0 {
		return err
	}
	made, err := m.convert(b, d.Charset)
	if err != nil {
		p := problem.Invalid.New("Nothing can be made of the body here.").Because(err)
		p.Extra = map[string]any{"errors": []any{map[string]any{"pointer": "", "detail": "The body cannot be read: " + err.Error() + "."}}}
		return p
	}
	x.SetBody(made)
	r.Trailer.Reset()
	r.Header.Set("Content-Type", m.contentType)
	policy.Remade(&r.Header)
	return nil
}

var errUnread = errors.New("the response cannot be read: it is compressed, partial, of two types or of another one than is wanted")

// answer changes a response.
func (v *converter) answer(x *policy.Exchange, resp *wire.Response) error {
	m := v.response
	d := policy.Describe(&resp.Header)
	switch {
	case resp.Switch != nil, resp.Status == 204, resp.Status == 304:
		return nil
	case !d.Twice && (d.Type == "" || !d.Is(m.from())) && m.pass:
		return nil
	case d.Twice, !d.Is(m.from()), d.Encoded, resp.Status == 206, m.to == "xml" && !d.UTF8():
		return problem.BadResponse.Wrap(errUnread)
	}
	if x.Request.Method == "HEAD" {
		resp.Length = -1
		resp.Header.Set("Content-Type", m.contentType)
		policy.Remade(&resp.Header)
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
	resp.Header.Set("Content-Type", m.contentType)
	policy.Remade(&resp.Header)
	return nil
}
