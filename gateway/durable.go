package gateway

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"sync"

	"sallyport/config"
	"sallyport/identity"
	"sallyport/schema"
	"sallyport/store/sqlite"
	"sallyport/telemetry"
)

// This file is the life of the store: opened with the first document when its file is there, made once there is something to keep,
// given up while another program takes over, closed at the end.

// storeFile is the name of the store in the data directory.
const storeFile = "sallyport.db"

// A durable has the store of a gateway.
type durable struct {
	gateway *Gateway
	wanted  bool // Run has it opened; without Run nobody does

	mu    sync.Mutex    // never held while the registry is asked for anything, which may ask for a store
	file  string        // where it is, or would be made; empty for nowhere
	store *sqlite.Store // nil while it is closed
	away  bool          // another program has it or is about to, or the process ends
}

// StoreFile says where a document has its store when data is the data directory, nowhere being the empty name.
func StoreFile(doc *config.Document, data string) string {
	if doc.Store.SQLite.Path != "" || data == "" {
		return doc.Store.SQLite.Path
	}
	return filepath.Join(data, storeFile)
}

func (g *Gateway) fileOf(doc *config.Document) string { return StoreFile(doc, g.o.Data) }

// beside makes a gateway that judges doc and does not serve it. Of the store it knows what people does; nil is for one that is not open,
// which is not opened either, since nothing is to be changed.
func beside(doc *config.Document, o Options, people *identity.Registry) *Gateway {
	g := New(o)
	if people != nil {
		g.people = people
	} else if file := g.fileOf(doc); file != "" && sqlite.Exists(file) {
		g.people.Unread()
	}
	return g
}

// open opens the store of a document that is about to be served, if its file is there. A document whose store cannot be had is not served:
// nobody could say who may come in.
func (d *durable) open(doc *config.Document) (errs schema.Errors) {
	if !d.wanted {
		return nil
	}
	if err := d.use(d.gateway.fileOf(doc)); err != nil {
		n, path := doc.Root, "store"
		if s := n.Field("store"); s != nil {
			n = s
		}
		if at := n.Field("sqlite"); at != nil {
			n, path = at, "store.sqlite"
		}
		errs.Add(n, path, "%v", err)
	}
	return errs
}

// use makes file the store.
func (d *durable) use(file string) error {
	if d.gateway.now.Load() == nil && d.elsewhere(file) { // than that of a first document which was refused
		d.gateway.people.Detach()
		d.close()
	}
	s, err := d.opened(file)
	if s == nil || err != nil {
		return err
	}
	g := d.gateway
	if err := g.people.Attach(s, s.Pepper()); err != nil {
		d.close()
		return err
	}
	st := s.Status()
	g.log.Info("the store is open", "store", st.File, "bytes", st.Bytes, "schema", st.Schema)
	return nil
}

// elsewhere says that a store is open and is not that in file.
func (d *durable) elsewhere(file string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.store != nil && whole(file) != whole(d.file)
}

// opened opens the store in file, nil when it is open already or not there yet.
func (d *durable) opened(file string) (*sqlite.Store, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.away, d.store != nil && whole(file) == whole(d.file):
		return nil, nil
	case d.store != nil:
		return nil, fmt.Errorf("the store stays %s while the process runs; restart it, or have a new one take over with SIGUSR2, to use another", d.file)
	}
	if d.file = file; file == "" || !sqlite.Exists(file) {
		return nil, nil
	}
	s, err := sqlite.Open(context.Background(), file, d.gateway.log)
	d.store = s
	return s, err
}

// create is called by the registry for the first thing that is to be kept.
func (d *durable) create(ctx context.Context) (identity.Store, []byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.away:
		return nil, nil, identity.ErrReadOnly
	case !d.wanted || d.file == "":
		return nil, nil, identity.ErrNoStore
	case d.store == nil:
		s, err := sqlite.Create(ctx, d.file, d.gateway.log)
		if err != nil {
			return nil, nil, err
		}
		d.store = s
		d.gateway.log.Info("the store was made; back up its database and, apart from it, its pepper", "store", s.Status().File)
	}
	return d.store, d.store.Pepper(), nil
}

// leave gives the store up: memory answers on, and changes are refused.
func (d *durable) leave() {
	d.mu.Lock()
	d.away = true
	d.mu.Unlock()
	d.gateway.people.Detach()
	d.close()
}

// comeBack takes the store again, which another program did not take over after all.
func (d *durable) comeBack() {
	d.mu.Lock()
	d.away = false
	file := d.file
	d.mu.Unlock()
	if err := d.use(file); err != nil {
		d.gateway.log.Error("the store cannot be opened again: what is known of it stays, changes are refused until a reload can open it", "error", err)
	}
}

func (d *durable) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.store == nil {
		return
	}
	if err := d.store.Close(); err != nil {
		d.gateway.log.Warn("the store did not close well; what it acknowledged is kept", "error", err)
	}
	d.store = nil
}

// status says how the store is, nil when there can be none.
func (d *durable) status() *StoreStatus {
	d.mu.Lock()
	s, file, away := d.store, d.file, d.away
	d.mu.Unlock()
	switch {
	case s != nil:
		st := s.Status()
		shown := &StoreStatus{File: st.File, State: "open", Bytes: st.Bytes, Schema: st.Schema, Changes: st.Changes, Failures: st.Failures}
		if !st.BackedUp.IsZero() {
			shown.BackedUp = &st.BackedUp
		}
		return shown
	case file == "":
		return nil
	case away:
		return &StoreStatus{File: file, State: "handed over"}
	}
	return &StoreStatus{File: file, State: cmp.Or(map[bool]string{true: "closed"}[sqlite.Exists(file)], "not made yet")}
}

// totals is the same for the metrics.
func (d *durable) totals() (t telemetry.StoreTotals) {
	d.mu.Lock()
	s := d.store
	d.mu.Unlock()
	if s == nil {
		return t
	}
	st := s.Status()
	t = telemetry.StoreTotals{Open: true, Bytes: st.Bytes, Changes: st.Changes, Failures: st.Failures}
	if !st.BackedUp.IsZero() {
		t.BackedUp = st.BackedUp.Unix()
	}
	return t
}

// Backup copies the store into a file, which must not be there yet, while changes go on. The pepper is not part of it.
func (g *Gateway) Backup(ctx context.Context, to string) error {
	g.durable.mu.Lock()
	s, away := g.durable.store, g.durable.away
	g.durable.mu.Unlock()
	switch {
	case s != nil:
	case away:
		return identity.ErrReadOnly
	default:
		return identity.ErrNoStore
	}
	if err := s.Backup(ctx, to); err != nil {
		return err
	}
	g.log.Info("the store was backed up", "store", s.Status().File, "to", to)
	return nil
}
