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
	"sallyport/xmlmap"
)

// Config is what the document says.
type Config struct {
	Request  *RequestConfig  `json:"request" doc:"What is made of bodies of requests."`
	Response *ResponseConfig `json:"response" doc:"What is made of bodies of responses."`

	xmlmap.Names

	Size schema.Size `json:"size" default:"1MiB" min:"1B" max:"64MiB" doc:"The largest body, which is held in memory."`
	xmlmap.Bounds
}

// Mapping is what both sides have.
type Mapping struct {
	To          string `json:"to" short:"true" enum:"json,xml" doc:"What the body becomes."`
	ContentType string `json:"content_type" default:"" doc:"The Content-Type of what is made; application/json or text/xml; charset=utf-8 when it is not given."`
	xmlmap.ToJSON
	xmlmap.ToXML
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
	errs := []error{c.Names.Judge()}
	if c.Request != nil {
		errs = append(errs, c.mapping("request", &c.Request.Mapping))
	}
	if c.Response != nil {
		errs = append(errs, c.mapping("response", &c.Response.Mapping))
	}
	return errors.Join(errs...)
}

func (c *Config) mapping(side string, m *Mapping) error {
	errs := []error{m.ToXML.Judge(&c.Names)}
	other, is := map[string]bool{"take": len(m.Take) > 0, "arrays": len(m.Arrays) > 0, "numbers": len(m.Numbers) > 0, "booleans": len(m.Booleans) > 0}, "json"
	if m.To == "json" {
		errs[0] = m.ToJSON.Judge(&c.Names)
		other, is = map[string]bool{"order": len(m.Order) > 0, "wrap": m.Wrap != ""}, "xml"
	}
	for _, setting := range slices.Sorted(maps.Keys(other)) {
		if other[setting] {
			errs = append(errs, schema.At(setting, fmt.Errorf("it is for what becomes %s", is)))
		}
	}
	if m.ContentType != "" {
		if _, params, err := mime.ParseMediaType(m.ContentType); err != nil || !wire.ValidValue(m.ContentType) {
			errs = append(errs, schema.At("content_type", errors.New("it is no type; write such as application/soap+xml; charset=utf-8")))
		} else if set := params["charset"]; set != "" && !strings.EqualFold(set, "utf-8") {
			errs = append(errs, schema.At("content_type", errors.New("what is made is in UTF-8")))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return schema.At(side, err)
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
