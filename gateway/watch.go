package gateway

import (
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// A watcher tells when files of the document may have changed. It watches directories, not files: editors
// replace a file by another of its name, and Kubernetes swaps a symbolic link beside it.
type watcher struct {
	events *fsnotify.Watcher
	log    *slog.Logger
	dirs   map[string]bool // this and names: used by run and follow, which one goroutine calls
	names  []string        // files and patterns
	loop   sync.WaitGroup
}

// Events come in bursts: a file is truncated, written and renamed. The document is read when it has been quiet
// for a moment, and at the latest a second after the first event.
const (
	quiet   = 100 * time.Millisecond
	longest = time.Second
)

// watch calls changed, from one goroutine, after files in the directories of follow's last list changed; changed returns the
// files to follow from then on.
func watch(log *slog.Logger, files []string, changed func() (files []string)) (*watcher, error) {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	w := &watcher{events: events, log: log, dirs: map[string]bool{}}
	w.follow(files)
	w.loop.Go(func() { w.run(changed) })
	return w, nil
}

// close stops the watcher and waits a moment for a call of changed that is under way.
func (w *watcher) close() {
	_ = w.events.Close()
	briefly(&w.loop)
}

func (w *watcher) run(changed func() []string) {
	var first time.Time
	due := time.NewTimer(quiet) // a change between reading and watching was missed
	for {
		select {
		case e, open := <-w.events.Events:
			if !open {
				return
			}
			if e.Op == fsnotify.Chmod || !w.concerns(e.Name) {
				continue
			}
			now := time.Now()
			if first.IsZero() {
				first = now
			}
			due.Reset(min(quiet, first.Add(longest).Sub(now)))
		case err, open := <-w.events.Errors:
			if !open {
				return
			}
			// Events may have been lost, so look.
			w.log.Warn("watching the configuration's files", "error", err)
			due.Reset(quiet)
		case <-due.C:
			first = time.Time{}
			w.follow(changed())
		}
	}
}

// follow watches the directories of files, and of what they are links to, and no others.
func (w *watcher) follow(files []string) {
	want := map[string]bool{}
	w.names = w.names[:0]
	add := func(name string) {
		w.names = append(w.names, filepath.Clean(name))
		want[filepath.Dir(name)] = true
	}
	for _, f := range files {
		add(f)
		if target, err := filepath.EvalSymlinks(f); err == nil && target != f {
			add(target)
		}
	}
	for dir := range want {
		// Again each time: a directory that was replaced is another one.
		if err := w.events.Add(dir); err != nil {
			w.log.Warn("cannot watch a directory of the configuration; SIGHUP still reloads it", "directory", dir, "error", err)
			delete(want, dir)
		}
	}
	for dir := range w.dirs {
		if !want[dir] {
			_ = w.events.Remove(dir)
		}
	}
	w.dirs = want
}

// concerns says whether a change of name may change the document. The directory may hold busier files, such as a log.
func (w *watcher) concerns(name string) bool {
	name = filepath.Clean(name)
	if strings.HasPrefix(filepath.Base(name), "..") {
		return true // how Kubernetes swaps all files of a volume at once
	}
	for _, n := range w.names {
		if match, _ := filepath.Match(n, name); match || n == name {
			return true
		}
	}
	return false
}
