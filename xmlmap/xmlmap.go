// Package xmlmap makes JSON of XML and XML of JSON, by a mapping that the document declares: names by the prefixes of the document, and
// types, lists and order where it says so. What is not said is text, and single.
package xmlmap

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sallyport/schema"
)

// Names are how names of XML are written in JSON.
type Names struct {
	Namespaces map[string]string `json:"namespaces" doc:"Names of XML namespaces by the prefix that JSON has for them; the prefix _ is none. In XML that comes, prefixes are those of its author; elements of other namespaces go by their names alone. XML that is made declares all of them."`
	Attributes string            `json:"attributes" default:"@" min:"1" doc:"What names of attributes begin with in JSON."`
	Text       string            `json:"text" default:"#text" min:"1" doc:"The name in JSON of the text of an element that has attributes or elements as well."`
}

// Bounds are how much one text may have.
type Bounds struct {
	Depth    int `json:"depth" default:"64" min:"1" max:"200" doc:"How many elements, or objects and arrays, may stand in each other."`
	Elements int `json:"elements" default:"50000" min:"1" max:"10000000" doc:"How many elements and attributes a body may have."`
}

// ToJSON is what becomes JSON, and how.
type ToJSON struct {
	Take     []string `json:"take" one:"true" doc:"To json: the elements of which one becomes the JSON, without its name, such as /s:Envelope/s:Body/*; the first path that leads to one counts. The whole document when it is not given."`
	Arrays   []string `json:"arrays" one:"true" doc:"To json: elements that are arrays however often they are there. Others are when they stand there more than once."`
	Numbers  []string `json:"numbers" one:"true" doc:"To json: elements and attributes that are numbers, and fail where they are not; all else is text."`
	Booleans []string `json:"booleans" one:"true" doc:"To json: elements and attributes that are booleans, written true, false, 1 or 0."`
}

// ToXML is what stands around what becomes XML, and in which order.
type ToXML struct {
	Wrap  string   `json:"wrap" default:"" doc:"To xml: elements to stand around what the JSON has, such as /s:Envelope/s:Body/m:GetUser. Without it the JSON is an object with one member, the document's element."`
	Order []string `json:"order" doc:"To xml: elements that come in this order among their siblings, before those that it does not name. Without it the order is that of the JSON."`
}

// A Mapper makes one of the other. All requests share it.
type Mapper struct {
	take, arrays, numbers, booleans, order []path
	wrap                                   []string

	attribute, textName string
	prefixes            map[string]string // by the name of a namespace
	declared            map[string]bool   // prefixes
	declarations        [][2]string       // attributes of the document's element
	xsi                 string            // the prefix of nil, "" for none
	depth, most         int
	large               int // bytes of what is made
}

// Rules are all settings. Judge finds nothing wrong with them.
type Rules struct {
	Names  Names
	Bounds Bounds
	ToJSON ToJSON
	ToXML  ToXML
	Large  int // bytes that what is made may have
}

// New returns a mapper.
func New(r *Rules) *Mapper {
	n, b, j, x := &r.Names, r.Bounds, &r.ToJSON, &r.ToXML
	m := &Mapper{
		take: newPaths(j.Take), arrays: newPaths(j.Arrays), numbers: newPaths(j.Numbers), booleans: newPaths(j.Booleans), order: newPaths(x.Order),
		attribute: n.Attributes, textName: n.Text, prefixes: map[string]string{}, declared: map[string]bool{"xml": true}, depth: b.Depth, most: b.Elements, large: r.Large,
	}
	m.prefixes[nsXML] = "xml"
	if x.Wrap != "" {
		m.wrap = newPath(x.Wrap).steps
	}
	for prefix, uri := range n.Namespaces {
		m.prefixes[uri], m.declared[prefix] = prefix, true
		attribute := "xmlns:" + prefix
		if prefix == "_" {
			attribute = "xmlns"
		}
		if uri == nsXSI && prefix != "_" {
			m.xsi = prefix
		}
		m.declarations = append(m.declarations, [2]string{attribute, uri})
	}
	slices.SortFunc(m.declarations, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return m
}

// Judge says what is wrong with names.
func (n *Names) Judge() error {
	var errs []error
	if strings.HasPrefix(n.Text, n.Attributes) || ncName(strings.Replace(n.Text, ":", "", 1)) {
		errs = append(errs, schema.At("text", errors.New("an element or attribute could have that name; write such as #text")))
	}
	if ncName(n.Attributes) {
		errs = append(errs, schema.At("attributes", errors.New("names of elements could begin so; write such as @")))
	}
	of := map[string]string{}
	for _, prefix := range slices.Sorted(maps.Keys(n.Namespaces)) {
		uri, at := n.Namespaces[prefix], schema.Join("namespaces", prefix)
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
	return errors.Join(errs...)
}

// Judge says which paths lead nowhere.
func (j *ToJSON) Judge(n *Names) error {
	return errors.Join(n.paths("take", j.Take), n.paths("arrays", j.Arrays), n.paths("numbers", j.Numbers), n.paths("booleans", j.Booleans))
}

// Judge likewise.
func (x *ToXML) Judge(n *Names) error {
	errs := []error{n.paths("order", x.Order)}
	if x.Wrap != "" {
		if err := n.path("wrap", x.Wrap); err != nil {
			errs = append(errs, schema.At("wrap", err))
		}
	}
	return errors.Join(errs...)
}

func (n *Names) paths(setting string, list []string) error {
	var errs []error
	for i, p := range list {
		if err := n.path(setting, p); err != nil {
			errs = append(errs, schema.At(schema.Index(setting, i), err))
		}
	}
	return errors.Join(errs...)
}

// path judges one path.
func (n *Names) path(setting, p string) error {
	steps := strings.Split(strings.TrimPrefix(p, "/"), "/")
	for i, step := range steps {
		name, attribute := step, false
		if i == len(steps)-1 && (setting == "numbers" || setting == "booleans") {
			name, attribute = strings.CutPrefix(step, n.Attributes)
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
		case prefixed && n.Namespaces[prefix] == "":
			return fmt.Errorf("the prefix %q is not under namespaces", prefix)
		}
	}
	if (setting == "take" || setting == "wrap") && !strings.HasPrefix(p, "/") {
		return errors.New("write it from the top, with a slash in front")
	}
	return nil
}
