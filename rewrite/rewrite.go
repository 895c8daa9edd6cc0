// Package rewrite changes where a request goes: its path, query and host. The policy rewrite and the backend upstream
// share it.
package rewrite

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sallyport/expr"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

// Config is what the document says.
type Config struct {
	Path        expr.PathTemplate             `json:"path" default:"" doc:"The new path; a value in it is one segment or part of one, but a rest parameter and request.path keep their slashes."`
	StripPrefix string                        `json:"strip_prefix" default:"" doc:"What is taken off the front of the path, up to a slash or its end; other paths stay as they are."`
	Host        expr.Template                 `json:"host" default:"" doc:"The Host that the target is called by, with a port if it needs one; it does not choose the target."`
	Query       map[string]expr.QueryTemplate `json:"query" doc:"Query parameters to set, by name; they replace those of the same name, and all others stay."`
}

// Check judges the settings together.
func (c *Config) Check() error {
	var errs []error
	if c.Path.IsZero() && c.StripPrefix == "" && c.Host.IsZero() && len(c.Query) == 0 {
		errs = append(errs, errors.New("it changes nothing; give path, strip_prefix, host or query"))
	}
	if !c.Path.IsZero() && c.StripPrefix != "" {
		errs = append(errs, schema.At("strip_prefix", errors.New("path is given as well, and says all of the new path")))
	}
	if c.StripPrefix != "" {
		if err := checkPrefix(c.StripPrefix); err != nil {
			errs = append(errs, schema.At("strip_prefix", err))
		}
	}
	if host, constant := c.Host.Constant(); constant && host != "" {
		if _, err := authorityOf(host); err != nil {
			errs = append(errs, schema.At("host", err))
		}
	}
	for name := range c.Query {
		if name == "" {
			errs = append(errs, schema.At("query", errors.New("a parameter needs a name")))
		}
	}
	return errors.Join(errs...)
}

func checkPrefix(prefix string) error {
	text, _, fault := wire.Canonical(prefix, keep)
	switch {
	case fault != nil:
		return fault
	case text != prefix:
		return fmt.Errorf("%q is %q once it is canonical, as the paths of requests are; write that", prefix, text)
	case prefix == "/":
		return errors.New("there is nothing to strip")
	}
	return nil
}

func keep(b []byte) string { return string(b) }

// A Rewrite is a Config made ready to use. All requests share it.
type Rewrite struct {
	path   expr.PathTemplate
	prefix string // without a slash at its end
	host   expr.Template
	fixed  authority // of a host that is always the same
	query  []param
}

type param struct {
	name    string // as it is compared
	encoded string // as it is written, with "="
	value   expr.QueryTemplate
}

// New makes a Rewrite of settings that passed their Check.
func New(c Config) *Rewrite {
	w := &Rewrite{path: c.Path, prefix: strings.TrimSuffix(c.StripPrefix, "/"), host: c.Host}
	if host, constant := c.Host.Constant(); constant && host != "" {
		w.fixed, _ = authorityOf(host)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Query)) {
		w.query = append(w.query, param{name, expr.EncodeQuery(name) + "=", c.Query[name]})
	}
	return w
}

// Apply changes the request of x: its Path and Query, and with a new host its Host, Port and x.Host. All expressions see the
// request as it was before. Its errors are ready for the client; the request is unchanged then.
func (w *Rewrite) Apply(x *policy.Exchange) error {
	r := x.Request
	path, err := w.newPath(x)
	if err != nil {
		return failed(err)
	}
	query, err := w.newQuery(x)
	if err != nil {
		return failed(err)
	}
	a, err := w.newHost(x)
	if err != nil {
		return failed(err)
	}
	if a.host != "" {
		x.Host, r.Host, r.Port = a.text, a.host, a.port
	}
	r.Path, r.Query = path, query
	return nil
}

func (w *Rewrite) newPath(x *policy.Exchange) (wire.Path, error) {
	path := x.Request.Path
	if w.path.IsZero() {
		path.Text = strip(path.Text, w.prefix)
		return path, nil
	}
	text, err := w.path.Text(x)
	if err != nil {
		return path, err
	}
	canonical, doubtful, fault := wire.Canonical(text, keep)
	switch {
	case fault != nil:
		return path, fault
	case canonical != text:
		return path, errors.New("the new path is not canonical")
	}
	path.Text, path.Doubtful = text, doubtful
	return path, nil
}

// strip takes prefix off a canonical path where a segment ends. What is left is canonical as well.
func strip(path, prefix string) string {
	rest, found := strings.CutPrefix(path, prefix)
	switch {
	case !found || prefix == "":
		return path
	case rest == "":
		return "/"
	case rest[0] == '/':
		return rest
	}
	return path
}

// newQuery drops the parameters that are set, in whatever spelling, and appends them.
func (w *Rewrite) newQuery(x *policy.Exchange) (string, error) {
	query := x.Request.Query
	if len(w.query) == 0 {
		return query, nil
	}
	var room [512]byte
	b := room[:0]
	for pair := range strings.SplitSeq(query, "&") {
		if pair != "" && !w.sets(pair) {
			b = append(ampersand(b), pair...)
		}
	}
	for i := range w.query {
		p := &w.query[i]
		value, err := p.value.Text(x)
		if err != nil {
			return "", err
		}
		b = append(append(ampersand(b), p.encoded...), value...)
	}
	return x.Request.Keep(b), nil
}

func ampersand(b []byte) []byte {
	if len(b) > 0 {
		b = append(b, '&')
	}
	return b
}

func (w *Rewrite) sets(pair string) bool {
	for i := range w.query {
		if _, found, _ := wire.Param(pair, w.query[i].name); found {
			return true
		}
	}
	return false
}

// An authority is a value of Host, and the host and port in it.
type authority struct{ text, host, port string }

func (w *Rewrite) newHost(x *policy.Exchange) (authority, error) {
	if w.host.IsZero() || w.fixed.host != "" {
		return w.fixed, nil
	}
	text, err := w.host.Text(x)
	if err != nil {
		return authority{}, err
	}
	return authorityOf(text)
}

func authorityOf(text string) (authority, error) {
	var r wire.Request
	if fault := wire.ParseAuthority(text, &r); fault != nil {
		return authority{}, fault
	}
	a := authority{r.Host, r.Host, r.Port}
	if r.Port != "" {
		a.text += ":" + r.Port
	}
	return a, nil
}

// failed makes a problem of a target that cannot be made of the request. What is missing outside of it, such as a
// consumer, is a fault of the document.
func failed(err error) error {
	var p *problem.Problem
	var missing *expr.Missing
	switch {
	case errors.As(err, &p):
		return err
	case errors.As(err, &missing) && missing.Root != "request":
		return problem.Internal.Wrap(err)
	case missing != nil:
		return problem.BadRequest.New("The request lacks something that the route needs: %s.", missing.Ref).Because(err)
	}
	return problem.BadRequest.New("The request upstream cannot be made from the request.").Because(err)
}

// A Place is where a request goes, kept to be put back: what wraps a rewritten request must find it as it was.
type Place struct {
	path              wire.Path
	query, host, port string
	upstreamHost      string
}

// PlaceOf returns where x goes now.
func PlaceOf(x *policy.Exchange) Place {
	r := x.Request
	return Place{r.Path, r.Query, r.Host, r.Port, x.Host}
}

// Restore puts it back.
func (p Place) Restore(x *policy.Exchange) {
	r := x.Request
	r.Path, r.Query, r.Host, r.Port, x.Host = p.path, p.query, p.host, p.port, p.upstreamHost
}
