package config

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"sync"

	"sallyport/schema"
)

// What a document takes from elsewhere, environment variables and files, counts as part of it: a reload has to notice
// that it changed. So everything is looked up here and noted.

// maxValue bounds a file that file("…") reads.
const maxValue = 16 << 20

// An outside notes what was looked up. Expressions are compiled after Load as well, when routes are built.
type outside struct {
	lookup func(string) (string, bool)

	mu    sync.Mutex
	found map[string]string // hash of each value, by what was looked up; guarded by mu
	files []string          // guarded by mu
}

func newOutside(lookup func(string) (string, bool)) *outside {
	if lookup == nil {
		lookup = os.LookupEnv
	}
	return &outside{lookup: lookup, found: map[string]string{}}
}

func (o *outside) schema() schema.Outside {
	return schema.Outside{Lookup: o.variable, ReadFile: o.file}
}

func (o *outside) variable(name string) (string, bool) {
	value, found := o.lookup(name)
	o.note("env "+name, fmt.Sprint(found, value))
	return value, found
}

func (o *outside) file(path string) ([]byte, error) {
	data, err := readFile(path)
	o.note("file "+path, fmt.Sprint(err == nil)+string(data))
	o.mu.Lock()
	defer o.mu.Unlock()
	o.files = append(o.files, path)
	return data, err
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
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
