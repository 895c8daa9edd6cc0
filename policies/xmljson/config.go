package xmljson

import (
	"errors"
	"fmt"
	"maps"
	"mime"
	"slices"
	"strings"

	"sallyport/policy"
	"sallyport/schema"
	"sallyport/wire"
)

// Config is what the document says.
type Config struct {
	Request  *RequestConfig  `json:"request" doc:"What is made of bodies of requests."`
	Response *ResponseConfig `json:"response" doc:"What is made of bodies of responses."`

	Namespaces map[string]string `json:"namespaces" doc:"Names of XML namespaces by the prefix that JSON has for them; the prefix _ is none. In XML that comes, prefixes are those of its author; elements of other namespaces go by their names alone. XML that is made declares all of them."`
	Attributes string            `json:"attributes" default:"@" min:"1" doc:"What names of attributes begin with in JSON."`
	Text       string            `json:"text" default:"#text" min:"1" doc:"The name in JSON of the text of an element that has attributes or elements as well."`

	Size     schema.Size `json:"size" default:"1MiB" min:"1B" max:"64MiB" doc:"The largest body, which is held in memory."`
	Depth    int         `json:"depth" default:"64" min:"1" max:"200" doc:"How many elements, or objects and arrays, may stand in each other."`
	Elements int         `json:"elements" default:"50000" min:"1" max:"10000000" doc:"How many elements and attributes a body may have."`
}

// Mapping is what both sides have.
type Mapping struct {
	To          string   `json:"to" short:"true" enum:"json,xml" doc:"What the body becomes."`
	ContentType string   `json:"content_type" default:"" doc:"The Content-Type of what is made; application/json or text/xml; charset=utf-8 when it is not given."`
	Take        []string `json:"take" one:"true" doc:"To json: the elements of which one becomes the JSON, without its name, such as /s:Envelope/s:Body/*; the first path that leads to one counts. The whole document when it is not given."`
	Arrays      []string `json:"arrays" one:"true" doc:"To json: elements that are arrays however often they are there. Others are when they stand there more than once."`
	Numbers     []string `json:"numbers" one:"true" doc:"To json: elements and attributes that are numbers, and fail where they are not; all else is text."`
	Booleans    []string `json:"booleans" one:"true" doc:"To json: elements and attributes that are booleans, written true, false, 1 or 0."`
	Wrap        string   `json:"wrap" default:"" doc:"To xml: elements to stand around what the JSON has, such as /s:Envelope/s:Body/m:GetUser. Without it the JSON is an object with one member, the document's element."`
	Order       []string `json:"order" doc:"To xml: elements that come in this order among their siblings, before those that it does not name. Without it the order is that of the JSON."`
}

// RequestConfig is about requests.
type RequestConfig struct {
	Mapping
	Others string `json:"others" enum:"refuse,pass" default:"refuse" doc:"What happens to bodies of other types: refuse with 415, or pass as they are."`
}

// ResponseConfig is about responses.
type ResponseConfig struct {
	Mapping
	Others string `json:"others" enum:"refuse,pass" default:"pass" doc:"What happens to bodies of other types: pass as they are, or refuse with 502."`
}

// Check wants something to do, and prefixes that are declared.
func (c *Config) Check() error {
	if c.Request == nil && c.Response == nil {
		return errors.New("it does nothing; give request or response")
	}
	var errs []error
	if strings.HasPrefix(c.Text, c.Attributes) || ncName(strings.Replace(c.Text, ":", "", 1)) {
		errs = append(errs, schema.At("text", errors.New("an element or attribute could have that name; write such as #text")))
	}
	if ncName(c.Attributes) {
		errs = append(errs, schema.At("attributes", errors.New("names of elements could begin so; write such as @")))
	}
	of := map[string]string{}
	for _, prefix := range slices.Sorted(maps.Keys(c.Namespaces)) {
		uri, at := c.Namespaces[prefix], schema.Join("namespaces", prefix)
		other, twice := of[uri]
		of[uri] = prefix
		switch {
		case twice:
			errs = append(errs, schema.At(at, fmt.Errorf("the prefix %s is of the same namespace; elements of it can have one of the two only", other)))
		case uri == nsXML || uri == nsXMLNS:
			errs = append(errs, schema.At(at, errors.New("this namespace has its prefix by itself (Namespaces in XML §3)")))
		case prefix != "_" && !ncName(prefix), strings.EqualFold(prefix, "xmlns"), prefix == "xml":
			errs = append(errs, schema.At(at, fmt.Errorf("%q is no prefix", prefix)))
		case uri == "" || !xmlText(uri):
			errs = append(errs, schema.At(at, errors.New("write the name of the namespace")))
		}
	}
	if c.Request != nil {
		errs = append(errs, c.mapping("request", &c.Request.Mapping))
	}
	if c.Response != nil {
		errs = append(errs, c.mapping("response", &c.Response.Mapping))
	}
	return errors.Join(errs...)
}

func (c *Config) mapping(side string, m *Mapping) error {
	var errs []error
	for _, l := range []struct {
		setting, to string
		paths       []string
	}{
		{"take", "json", m.Take}, {"arrays", "json", m.Arrays}, {"numbers", "json", m.Numbers}, {"booleans", "json", m.Booleans},
		{"order", "xml", m.Order}, {"wrap", "xml", slices.DeleteFunc([]string{m.Wrap}, func(s string) bool { return s == "" })},
	} {
		at := side + "." + l.setting
		if len(l.paths) > 0 && l.to != m.To {
			errs = append(errs, schema.At(at, fmt.Errorf("it is for what becomes %s", l.to)))
			continue
		}
		for i, p := range l.paths {
			place := at
			if l.setting != "wrap" {
				place = schema.Index(at, i)
			}
			if err := c.path(l.setting, p); err != nil {
				errs = append(errs, schema.At(place, err))
			}
		}
	}
	if m.ContentType != "" {
		if _, params, err := mime.ParseMediaType(m.ContentType); err != nil || !wire.ValidValue(m.ContentType) {
			errs = append(errs, schema.At(side+".content_type", errors.New("it is no type; write such as application/soap+xml; charset=utf-8")))
		} else if set := params["charset"]; set != "" && !strings.EqualFold(set, "utf-8") {
			errs = append(errs, schema.At(side+".content_type", errors.New("what is made is in UTF-8")))
		}
	}
	return errors.Join(errs...)
}

// path judges one path.
func (c *Config) path(setting, p string) error {
	steps := strings.Split(strings.TrimPrefix(p, "/"), "/")
	for i, step := range steps {
		name, attribute := step, false
		if i == len(steps)-1 && (setting == "numbers" || setting == "booleans") {
			name, attribute = strings.CutPrefix(step, c.Attributes)
		}
		if name == "*" && setting != "wrap" && !attribute {
			continue
		}
		prefix, local, prefixed := strings.Cut(name, ":")
		if !prefixed {
			prefix, local = "_", name
		}
		switch {
		case !ncName(local):
			return fmt.Errorf("%q is no name of an element; write a path such as /s:Envelope/s:Body or item/price", step)
		case prefixed && c.Namespaces[prefix] == "":
			return fmt.Errorf("the prefix %q is not under namespaces", prefix)
		}
	}
	if (setting == "take" || setting == "wrap") && !strings.HasPrefix(p, "/") {
		return errors.New("write it from the top, with a slash in front")
	}
	return nil
}

// Types of bodies that are taken for XML and JSON.
var (
	xmlTypes  = medias("application/xml", "text/xml", "*+xml")
	jsonTypes = medias("application/json", "*+json")
)

func medias(texts ...string) []policy.Media {
	out := make([]policy.Media, len(texts))
	for i, t := range texts {
		if err := out[i].UnmarshalText([]byte(t)); err != nil {
			panic("xml_json: " + err.Error())
		}
	}
	return out
}
