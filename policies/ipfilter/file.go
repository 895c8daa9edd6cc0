package ipfilter

// The lists that stand in files.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"sallyport/plug"
	"sallyport/schema"
	"sallyport/store"
)

const (
	maxFile   = 64 << 20 // of a list, some four million lines of IPv4
	fileEvery = 2 * time.Second
)

// besides is the path of the file that n names.
func besides(n *schema.Node) string {
	if filepath.IsAbs(n.Text) {
		return n.Text
	}
	return filepath.Join(filepath.Dir(n.File), n.Text)
}

// files takes the lists of files. One that is used already is as it is now, even if its file is broken meanwhile.
func (f *filter) files(c *Config, env *plug.Env) error {
	allows := len(c.Allow) > 0 && len(c.Deny) == 0
	var errs []error
	for i, file := range c.File {
		path, err := filepath.Abs(file.path)
		if err != nil {
			path = file.path
		}
		name := "ip_filter file " + path
		l := store.Shared(env.State, name, func() *list { return &list{} })
		w := &watch{list: l, path: path, name: file.name, log: env.Log, changed: env.Acted("ip_filter", "list_changed"), broken: env.Acted("ip_filter", "list_broken")}
		if err := w.begin(); err != nil {
			errs = append(errs, schema.At(schema.Index("file", i), fmt.Errorf("%s: %w", file.name, plainly(err))))
			continue
		}
		env.Tend(name, w.run)
		f.sources = append(f.sources, source{list: l, name: file.name, allows: allows})
	}
	return errors.Join(errs...)
}

// plainly is an error about a file without its path, which stands in the document.
func plainly(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// A watch has an eye on the file of a list.
type watch struct {
	list            *list
	path, name      string
	log             *slog.Logger
	changed, broken func()

	seen    fs.FileInfo // of what was read last, right or wrong
	waiting fs.FileInfo // of what is to be read once it is quiet
	told    string      // what was last said to be wrong
}

// begin reads the file, unless somebody has for the same list.
func (w *watch) begin() error {
	now := w.list.now.Load()
	if now == nil {
		var err error
		if now, err = readFile(w.path); err != nil {
			return err
		}
		w.list.now.Store(now)
	}
	w.seen = now.info
	return nil
}

// run looks at the file again and again.
func (w *watch) run(ctx context.Context) {
	tick := time.NewTicker(fileEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.look()
		}
	}
}

// look reads the file if it has changed and has been quiet since the look before: half a list is not taken for a whole one.
func (w *watch) look() {
	info, err := os.Stat(w.path)
	if err != nil {
		w.wrong(err)
		return
	}
	switch {
	case same(info, w.seen):
		w.waiting = nil
		return
	case w.waiting == nil || !same(info, w.waiting):
		w.waiting = info
		return
	}
	c, err := readFile(w.path)
	if err != nil {
		if at := (*fs.PathError)(nil); !errors.As(err, &at) { // it was read, and will not get better
			w.seen, w.waiting = info, nil
		}
		w.wrong(err)
		return
	}
	w.seen, w.waiting, w.told = c.info, nil, ""
	w.list.now.Store(c)
	w.changed()
	w.log.Info("an address list has changed", "file", w.name, "networks", c.size)
}

// wrong tells, once, that the file cannot be used. What was read last holds.
func (w *watch) wrong(err error) {
	if text := plainly(err).Error(); text != w.told {
		w.told = text
		w.broken()
		w.log.Error("an address list cannot be read, so the one before holds", "file", w.name, "error", text)
	}
}

func same(a, b fs.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

func readFile(path string) (*content, error) {
	f, err := schema.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxFile:
		return nil, fmt.Errorf("it is larger than %d MiB", maxFile>>20)
	}
	c, err := reading{words: true}.read(text)
	if err != nil {
		return nil, err
	}
	c.info = info
	return c, nil
}
