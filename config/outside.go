package config

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"sallyport/schema"
)

// What a document takes from elsewhere, environment variables and files, counts as part of it: a reload has to notice
// that it changed. So everything is looked up here and noted.

// maxValue bounds a file that file("…") reads.
const maxValue = 16 << 20

// maxSecret is up to which size a file may be a secret.
const maxSecret = 16 << 10

// An outside notes what was looked up. Expressions are compiled after Load as well, when routes are built.
type outside struct {
	lookup func(string) (string, bool)
	read   func(string) ([]byte, error)

	mu    sync.Mutex
	found map[string]string // hash of each value, by what was looked up; guarded by mu
	files []string          // guarded by mu
	masks []string          // the values themselves, for Mask; guarded by mu
}

// minMask is how long a value must be for Mask to hide it: shorter ones are in too many texts.
const minMask = 6

// Mask hides in text what the document took from the environment and from files: that is where secrets come from.
func (d *Document) Mask(text string) string {
	if d.outside == nil {
		return text
	}
	d.outside.mu.Lock()
	defer d.outside.mu.Unlock()
	for _, value := range d.outside.masks {
		text = strings.ReplaceAll(text, value, "***")
	}
	return text
}

// Masked has Mask at what is said of the document: a secret may stand where something else is wanted.
func (d *Document) Masked(errs schema.Errors) schema.Errors {
	for _, e := range errs {
		e.Msg = d.Mask(e.Msg)
	}
	return errs
}

// maskFolded has Mask hide what was made of values from outside where the document is folded, such as base64(env.NAME).
func (o *outside) maskFolded(n *schema.Node) {
	if n == nil {
		return
	}
	if n.Written != "" && n.Literal {
		o.mu.Lock()
		o.mask(n.Text)
		o.mu.Unlock()
	}
	for _, f := range n.Fields {
		o.maskFolded(f.Node)
	}
	for _, item := range n.Items {
		o.maskFolded(item)
	}
}

// mask remembers a value. The caller holds mu.
func (o *outside) mask(value string) {
	value = strings.TrimSpace(value)
	if len(value) < minMask || slices.Contains(o.masks, value) {
		return
	}
	o.masks = append(o.masks, value)
	for _, text := range []string{value, schema.Clip(value)} { // as messages have it
		if quoted := strings.Trim(strconv.Quote(text), `"`); !slices.Contains(o.masks, quoted) {
			o.masks = append(o.masks, quoted)
		}
	}
	slices.SortFunc(o.masks, func(a, b string) int { return len(b) - len(a) }) // one may hold another
}

func newOutside(opts Options) *outside {
	o := &outside{lookup: opts.Env, read: opts.ReadFile, found: map[string]string{}}
	if o.lookup == nil {
		o.lookup = os.LookupEnv
	}
	if o.read == nil {
		o.read = readFile
	}
	return o
}

func (o *outside) schema() schema.Outside {
	return schema.Outside{Lookup: o.variable, ReadFile: o.file}
}

func (o *outside) variable(name string) (string, bool) {
	value, found := o.lookup(name)
	o.note("env "+name, fmt.Sprint(found, value))
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mask(value)
	return value, found
}

func (o *outside) file(path string) ([]byte, error) {
	data, err := o.read(path)
	o.note("file "+path, fmt.Sprint(err == nil)+string(data))
	o.mu.Lock()
	defer o.mu.Unlock()
	o.files = append(o.files, path)
	if len(data) <= maxSecret {
		o.mask(string(data))
	}
	return data, err
}

func readFile(path string) ([]byte, error) {
	f, err := schema.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxValue+1))
	if err == nil && len(data) > maxValue {
		return nil, fmt.Errorf("%s has more than %d MiB", path, maxValue>>20)
	}
	return data, err
}

func (o *outside) note(what, value string) {
	sum := sha256.Sum256([]byte(value))
	o.mu.Lock()
	defer o.mu.Unlock()
	o.found[what] = string(sum[:])
}
