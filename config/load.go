package config

import (
	"sallyport/expr"
	"sallyport/schema"
)

// Options are what reading a document needs of the process.
type Options struct {
	// Env looks an environment variable up; nil is the process's environment.
	Env func(name string) (value string, found bool)
	// ReadFile reads a file that the document names, such as a certificate; nil is the process's own. The files of the document
	// itself are read as they are.
	ReadFile func(path string) ([]byte, error)
}

// Load reads the document at path, a file or a directory. What it returns beside errors is for further checks only; it
// is never nil.
func Load(path string, o Options) (*Document, schema.Errors) {
	r := newReader()
	r.path(path)
	return r.document(path, o)
}

// Parse reads a document that is in memory. Includes and files that it names are relative to name.
func Parse(name string, data []byte, o Options) (*Document, schema.Errors) {
	r := newReader()
	r.root.Pos = schema.Pos{File: name, Line: 1, Col: 1}
	r.bytes(name, data, realName(name))
	return r.document(name, o)
}

// Restore is Load of files that Texts returned. Nothing is read from disk, but what expressions ask for.
func Restore(source string, files []File, o Options) (*Document, schema.Errors) {
	r := newReader()
	r.restored = true
	r.root.Pos = schema.Pos{File: source}
	for _, f := range files {
		r.files = append(r.files, f.Name)
		r.bytes(f.Name, []byte(f.Text), f.Name)
	}
	return r.document(source, o)
}

// document decodes what was read.
func (r *reader) document(source string, o Options) (*Document, schema.Errors) {
	d := &Document{Source: source, Root: r.root, outside: newOutside(o)}
	if len(r.root.Fields) > 0 || len(r.errs) == 0 {
		r.errs = append(r.errs, expr.Fold(r.root, d.outside.schema())...)
		d.outside.maskFolded(r.root)
		r.errs = append(r.errs, documentType.Decode(r.root, d, "")...)
		r.errs = append(r.errs, d.settle()...)
	}
	d.files, d.texts, d.watch, d.sum = r.files, r.texts, r.watch, r.sum.Sum(nil)
	r.errs.Sort()
	return d, r.errs
}

// settle gives apis and routes their places in the document and checks what no setting alone can tell.
func (d *Document) settle() schema.Errors {
	c := checker{doc: d}
	root := d.Root
	apis := root.Field("apis").List()
	for i := range d.APIs {
		a := &d.APIs[i]
		a.Path, a.Node = schema.Index("apis", i), at(apis, i)
		place(a.Routes, a.Node.Field("routes"), a.Path+".routes")
	}
	place(d.Routes, root.Field("routes"), "routes")
	for i := range d.APIs {
		d.sets = append(d.sets, c.versions(&d.APIs[i])...)
	}
	if admin := root.Field("admin"); admin != nil {
		d.Admin.Given = admin.Kind != schema.Map || admin.Field("address") != nil
	}
	c.listeners()
	c.apis()
	c.policies()
	c.functions()
	c.tests()
	return c.errs
}

func place(routes []Route, list *schema.Node, path string) {
	for i := range routes {
		routes[i].Path, routes[i].Node = schema.Index(path, i), at(list.List(), i)
	}
}

func at(list []*schema.Node, i int) *schema.Node {
	if i < len(list) {
		return list[i]
	}
	return nil
}

// Default is the name of the api that top-level routes belong to.
const Default = "default"

// All returns the apis with the one of the top-level routes, which comes first. An api with versions stands there once for each, with the
// routes of that version.
func (d *Document) All() []*API {
	var all []*API
	if len(d.Routes) > 0 {
		all = append(all, &API{Name: Default, Routes: d.Routes, Normalize: "on", Node: d.Root})
	}
	return append(all, d.sets...)
}
