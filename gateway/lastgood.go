package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"
	"unicode/utf8"

	"sallyport/config"
	"sallyport/process"
)

// This file keeps the last document that was served, so that a process whose document is broken at the start has one to serve.

// lastGoodFile is its name in the data directory.
const lastGoodFile = "last-good.json"

// A LastGood is a document that was served once: its files as they were written, so that secrets which come from the
// environment or other files are not in it.
type LastGood struct {
	Saved  time.Time     `json:"saved"`
	Source string        `json:"source"`
	Files  []config.File `json:"files"`
	Sum    string        `json:"sha256"` // of the files
}

// seal is what Sum must be.
func (k *LastGood) seal() string {
	h := sha256.New()
	fmt.Fprintf(h, "%q", k.Source)
	for _, f := range k.Files {
		fmt.Fprintf(h, "%q%d:%s", f.Name, len(f.Text), f.Text)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// readLastGood returns the document in the data directory dir that was kept for the one at source.
func readLastGood(dir, source string) (*LastGood, error) {
	name := filepath.Join(dir, lastGoodFile)
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no document was kept: there is no file %s", name)
	}
	k := new(LastGood)
	if err == nil {
		err = json.Unmarshal(b, k)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the last good document: %w", err)
	case k.Sum != k.seal():
		return nil, fmt.Errorf("%s was changed or damaged", name)
	case k.Source != whole(source):
		return nil, fmt.Errorf("%s is of another document, %s", name, k.Source)
	}
	return k, nil
}

func whole(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// A keeper writes the newest good document down, beside what serves: a disk that is slow or full holds nobody up.
type keeper struct {
	name string
	log  *slog.Logger
	next chan *LastGood // of room for one: newer ones replace those not written yet
	done chan struct{}
	last string // sum of what is on disk
}

func newKeeper(dir string, log *slog.Logger) *keeper {
	k := &keeper{name: filepath.Join(dir, lastGoodFile), log: log, next: make(chan *LastGood, 1), done: make(chan struct{})}
	go k.run()
	return k
}

// keep has a document written down. It is called by one goroutine at a time.
func (k *keeper) keep(doc *config.Document) {
	if k == nil {
		return
	}
	select {
	case <-k.next:
	default:
	}
	k.next <- &LastGood{Saved: time.Now().UTC().Truncate(time.Second), Source: whole(doc.Source), Files: doc.Texts()}
}

func (k *keeper) run() {
	defer close(k.done)
	for doc := range k.next {
		doc.Sum = doc.seal()
		if doc.Sum == k.last {
			continue
		}
		if err := k.write(doc); err != nil {
			k.log.Warn("the good document cannot be kept for a later start", "error", err)
			continue
		}
		k.last = doc.Sum
	}
}

func (k *keeper) write(doc *LastGood) error {
	for _, f := range doc.Files {
		if !utf8.ValidString(f.Text) {
			return fmt.Errorf("%s is no UTF-8", f.Name)
		}
	}
	b, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	return process.WriteFile(k.name, append(b, '\n'))
}

// close waits until what was handed in is written.
func (k *keeper) close() {
	close(k.next)
	<-k.done
}

// first serves the first document: the one at hand or, if that was asked for, the last good one.
func (l *life) first() error {
	g := l.g
	_, err := g.load(l.path)
	if err == nil || !g.o.LastGood {
		return err
	}
	kept, missing := readLastGood(g.o.Data, l.path)
	if missing != nil {
		g.log.Error("the configuration is refused, and there is no last good one to serve instead", "error", missing)
		return err
	}
	if wrong := g.restore(kept); wrong != nil {
		g.log.Error("the configuration is refused, and the last good one cannot be served either", "error", wrong)
		return err
	}
	g.log.Error("the configuration is refused; SERVING THE LAST GOOD ONE until it is mended", "saved", kept.Saved, "error", err)
	return nil
}

// restore serves a document that was kept. What is known of the newest attempt stays.
func (g *Gateway) restore(kept *LastGood) error {
	g.loading.Lock()
	defer g.loading.Unlock()
	b := g.newBuilder(config.Restore(kept.Source, kept.Files, config.Options{Env: g.o.Env}))
	s := b.build()
	errs := b.all()
	var c *change
	if len(errs) == 0 {
		c, errs = g.prepare(s)
	}
	if len(errs) > 0 {
		return errs
	}
	s.kept = kept
	g.commit(s, c)
	g.report(nil, s)
	return nil
}
