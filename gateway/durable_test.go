package gateway

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sallyport/identity"
	"sallyport/policy"
	"sallyport/store/sqlite"
)

// A house is a document with a data directory, for one process after another.
type house struct {
	doc, data string
}

func newHouse(t *testing.T, more string) *house {
	t.Helper()
	dir := t.TempDir()
	h := &house{filepath.Join(dir, "gw.yaml"), filepath.Join(dir, "data")}
	h.write(t, more)
	return h
}

func (h *house) write(t *testing.T, more string) {
	t.Helper()
	write(t, h.doc, listen+"admin: off\nroutes: [{ match: /, respond: { body: hi } }]\n"+more)
}

func (h *house) run(t *testing.T) *running {
	t.Helper()
	return newProcess(t, h.doc, Options{Data: h.data, NoWatch: true})
}

// fails is why a process cannot serve.
func (h *house) fails(t *testing.T, o Options) error {
	t.Helper()
	o.Data, o.Log, o.NoWatch, o.Signals = h.data, silent, true, make(chan os.Signal)
	o.Serving = func(*Gateway) { t.Error("it serves") }
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	return Run(ctx, h.doc, o)
}

func (h *house) files(t *testing.T) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(h.data, "sallyport*"))
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range all {
		all[i] = filepath.Base(name)
	}
	return strings.Join(all, " ")
}

// newKey makes a consumer and a key of it.
func (p *running) newKey(t *testing.T, consumer string) (secret string) {
	t.Helper()
	secret, err := p.tryKey(consumer)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func (p *running) tryKey(consumer string) (secret string, err error) {
	r := p.gateway.Identity()
	if _, err := r.CreateConsumer(context.Background(), identity.ConsumerSpec{Name: consumer}); err != nil {
		return "", err
	}
	secret, _, err = r.CreateKey(context.Background(), identity.KeySpec{Consumer: consumer})
	return secret, err
}

// knows fails unless the key is good.
func (p *running) knows(t *testing.T, secret string) {
	t.Helper()
	if v := p.gateway.now.Load().book.Key(secret, &policy.Exchange{}, time.Now()); v.Why != "" || v.Consumer == nil {
		t.Errorf("the key is no good: %+v", v)
	}
}

// The files of the store are made with the first thing to keep, which is there in the next process.
func TestStoreIsMadeAtFirstUse(t *testing.T) {
	h := newHouse(t, "")
	p := h.run(t)
	if st := p.gateway.Status().Store; h.files(t) != "" || st == nil || st.State != "not made yet" {
		t.Errorf("before: files %q, status %+v", h.files(t), st)
	}
	if err := p.gateway.Backup(t.Context(), filepath.Join(h.data, "copy")); !errors.Is(err, identity.ErrNoStore) {
		t.Errorf("a backup of nothing: %v", err)
	}
	secret := p.newKey(t, "acme")
	p.said(t, "the store was made")
	if st := p.gateway.Status().Store; st.State != "open" || st.Changes != 2 || st.Bytes == 0 || st.File != filepath.Join(h.data, "sallyport.db") {
		t.Errorf("got %+v", st)
	}
	for _, name := range []string{"sallyport.db", "sallyport.db.pepper", "sallyport.db.lock"} {
		if info, err := os.Stat(filepath.Join(h.data, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := p.gateway.Backup(t.Context(), filepath.Join(h.data, "copy")); err != nil {
		t.Error(err)
	}
	p.stop(t)
	p = h.run(t)
	p.knows(t, secret)
	if st := p.gateway.Status().Store; st.State != "open" || st.BackedUp == nil {
		t.Errorf("opened again: %+v", st)
	}
	p.stop(t)
}

func TestStoreElsewhere(t *testing.T) {
	h := newHouse(t, "store: { sqlite: keys/a.db }\n")
	p := h.run(t)
	reload := func(more, want string) {
		t.Helper()
		h.write(t, more)
		_, err := p.gateway.Reload()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("reload of %q: got %v, want %q", more, err, want)
		}
	}
	reload("store: { sqlite: keys/b.db }\n", "") // nothing was kept yet
	secret := p.newKey(t, "acme")
	reload("store: { sqlite: ./keys/../keys/b.db }\n", "")
	reload("store: { sqlite: keys/a.db }\n", "gw.yaml:4:18: store.sqlite: the store stays "+filepath.Join(filepath.Dir(h.doc), "keys", "b.db")+" while the process runs; restart it")
	reload("", "store: the store stays")
	p.knows(t, secret)
	reload("store: { sqlite: keys/b.db }\nplans: {}\n", "")
	p.stop(t)
	if h.files(t) != "" || sqlite.Exists(filepath.Join(filepath.Dir(h.doc), "keys", "a.db")) {
		t.Errorf("there are %q", h.files(t))
	}
}

// A gateway whose store cannot be had does not serve, whatever document it has.
func TestStoreThatCannotBeOpened(t *testing.T) {
	h := newHouse(t, "")
	p := h.run(t)
	p.newKey(t, "acme")
	kept(t, h.data, "hi")
	file := filepath.Join(h.data, "sallyport.db")
	if err := h.fails(t, Options{}); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("process %d has %s.lock", os.Getpid(), file)) {
		t.Errorf("a second process: got %v", err)
	}
	p.stop(t)
	if err := os.Remove(file + ".pepper"); err != nil {
		t.Fatal(err)
	}
	for _, lastGood := range []bool{false, true} {
		if err := h.fails(t, Options{LastGood: lastGood}); err == nil || !strings.Contains(err.Error(), "sallyport.db.pepper is missing") {
			t.Errorf("last good %v: got %v", lastGood, err)
		}
	}
	before := h.files(t)
	if r := Check(h.doc, Options{Data: h.data}); len(r.Errors) > 0 || h.files(t) != before {
		t.Errorf("check: %v, files %q, before %q", r.Errors, h.files(t), before)
	}
}

// While another program may take over, what is known is, and nothing is kept; when it does not, all goes on.
func TestStoreDuringAnUpgradeThatFails(t *testing.T) {
	args := os.Args
	defer func() { os.Args = args }()
	os.Args = []string{"sleep", "60"}
	h := newHouse(t, "")
	p := h.run(t)
	if os.Getpid() == 1 {
		t.Skip("the first process of a container does not hand over")
	}
	secret := p.newKey(t, "acme")
	p.signals <- syscall.SIGUSR2
	line := p.said(t, "a new program is on its way")
	p.knows(t, secret)
	if _, err := p.tryKey("late"); !errors.Is(err, identity.ErrReadOnly) {
		t.Errorf("a change meanwhile: %v", err)
	}
	if st := p.gateway.Status().Store; st.State != "handed over" {
		t.Errorf("got %+v", st)
	}
	other, err := sqlite.Open(t.Context(), filepath.Join(h.data, "sallyport.db"), silent)
	if err != nil {
		t.Fatalf("the new program cannot have it: %v", err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(line[strings.LastIndex(line, "pid=")+4:], &pid); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.said(t, "the new program does not take over")
	p.said(t, "the store is open")
	p.knows(t, secret)
	p.knows(t, p.newKey(t, "afterwards"))
	p.stop(t)
	p = h.run(t)
	p.knows(t, secret)
	p.stop(t)
}

// Plans of consumers of the document may be in the store, which is known before the document is judged.
func TestPlanOfTheStore(t *testing.T) {
	h := newHouse(t, "")
	p := h.run(t)
	if _, err := p.gateway.Identity().PutPlan(t.Context(), "gold", []byte(`{"rate_limit": "10/s"}`)); err != nil {
		t.Fatal(err)
	}
	p.stop(t)
	h.write(t, "consumers: [{ name: acme, plan: gold }]\n")
	p = h.run(t)
	if r := p.gateway.CheckDocument("c", []byte(listen+"routes: [{ match: /, respond: {} }]\nconsumers: [{ name: acme, plan: gold }, { name: b, plan: silver }]\n")); len(r.Errors) != 1 || !strings.Contains(r.Errors.Error(), "silver") {
		t.Errorf("checked while it runs: %v", r.Errors)
	}
	p.stop(t)
	if r := Check(h.doc, Options{Data: h.data}); len(r.Errors) > 0 {
		t.Errorf("checked while it does not: %v", r.Errors)
	}
	if r := Check(h.doc, Options{}); len(r.Errors) != 1 {
		t.Errorf("checked where there is no store: %v", r.Errors)
	}
}
