// Package identity knows who may come in: consumers, what they prove themselves with, and the plans that they have. A Registry is those of
// the store, in memory; a Book is those of one document and the store's together, which is what policies ask.
//
// place.go reads credentials out of requests; settings.go is what the document says, book.go what comes of it, verdict.go whether a credential is
// good; registry.go holds what the store has, roll.go its indexes, ring.go and key.go the API keys, and keys.go, consumers.go, credentials.go, plans.go and
// revocations.go change it; guard.go slows down who guesses.
package identity

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/store"
)

// A Store keeps records for good.
type Store interface {
	// Load returns everything, at the start, but for the keys, of which there may be so many that they are handed to key, one at a time; what a record
	// refers to is key's, the record is not.
	Load(ctx context.Context, key func(*store.KeyRecord)) (*store.Records, error)
	// Apply writes all of a change or nothing of it. It is durable when Apply returns.
	Apply(ctx context.Context, c store.Change) error
	// Touch writes when keys were used last, by ID. Those that are not there any more are passed over.
	Touch(ctx context.Context, used map[string]time.Time) error
}

// A Registry is everybody that the store knows, in memory, for the life of the process. All changes go through it: they are checked, written,
// which means durable, and then seen by the next request. Who asks takes no lock.
type Registry struct {
	log       *slog.Logger
	passwords *Passwords

	roll   atomic.Pointer[roll]
	served atomic.Pointer[Book] // the one in service, for what changes may refer to; nil before

	unread atomic.Bool
	open   func(ctx context.Context) (Store, []byte, error) // see OpenWith; nil for nothing

	mu       sync.Mutex // held from the check of a change until it is seen
	store    Store      // nil without; guarded by mu
	detached bool       // there is one, which another program has now; guarded by mu
	tending  *tending   // nil without a store; guarded by mu
}

// NewRegistry returns a registry that knows nobody, until a store is attached.
func NewRegistry(log *slog.Logger) *Registry {
	r := &Registry{log: log, passwords: NewPasswords()}
	nobody, _ := readRoll(context.Background(), nil, nil, log) // nothing is read that could fail
	r.roll.Store(nobody)
	return r
}

// OpenWith has open called for the first change while no store is attached: it returns one, and the pepper, or why there is none. It is to be
// called before any change.
func (r *Registry) OpenWith(open func(ctx context.Context) (Store, []byte, error)) { r.open = open }

// Unread says that there is a store which is not read, such as for a document that is only checked: what is not in the document may be
// there.
func (r *Registry) Unread() { r.unread.Store(true) }

// Attach makes r know what s has, and changes go there. The pepper is what keys are hashed with: whoever has the store alone can test no
// guess. Who attaches a store detaches it when it ends.
func (r *Registry) Attach(s Store, pepper []byte) error {
	r.mu.Lock()
	before := r.tending
	err := r.attach(s, pepper)
	after := r.tending
	r.mu.Unlock()
	if before != after {
		before.end() // without mu, which it may wait for
	}
	return err
}

// attach is Attach for those who hold mu.
func (r *Registry) attach(s Store, pepper []byte) error {
	if len(pepper) < 16 {
		return errors.New("the pepper of the store has fewer than 16 bytes")
	}
	all, err := readRoll(context.Background(), s, pepper, r.log)
	if err != nil {
		return err
	}
	r.roll.Store(all)
	r.store, r.detached = s, false
	r.tending = r.tend(s)
	return nil
}

// first attaches a store if there is none. The caller holds mu.
func (r *Registry) first(ctx context.Context) error {
	switch {
	case r.store != nil:
		return nil
	case r.open == nil:
		return ErrNoStore
	}
	s, pepper, err := r.open(ctx)
	if err != nil {
		return err
	}
	return r.attach(s, pepper)
}

// Detach gives the store up, after what is known of the use of keys was written. Memory answers on; changes are refused.
func (r *Registry) Detach() {
	r.mu.Lock()
	tending := r.tending
	r.detached, r.store, r.tending = r.store != nil || r.detached, nil, nil
	r.mu.Unlock()
	tending.end()
}

// Attached says whether there is a store to write to.
func (r *Registry) Attached() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.store != nil
}

// Served is the book that changes may refer to: that of the document in service, or before the first an empty one.
func (r *Registry) Served() *Book {
	if b := r.served.Load(); b != nil {
		return b
	}
	return EmptyBook(r)
}

// Serve makes b the book that changes may refer to.
func (r *Registry) Serve(b *Book) { r.served.Store(b) }

// change makes one change: plan looks at what there is and says what to write and what is different then in memory.
func (r *Registry) change(ctx context.Context, plan func(k *roll) (c store.Change, then func(), err error)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.detached {
		return ErrReadOnly
	}
	if err := r.first(ctx); err != nil {
		return err
	}
	c, then, err := plan(r.roll.Load())
	if err != nil {
		return err
	}
	if err := r.store.Apply(ctx, c); err != nil {
		return err
	}
	then()
	return nil
}

// now is the time as records have it.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// A tending looks after a store while it is attached.
type tending struct {
	stop chan struct{}
	done chan struct{}
}

// tendEvery is how often the use of keys is written, and revocations are forgotten.
const tendEvery = time.Minute

// tend starts looking after s.
func (r *Registry) tend(s Store) *tending {
	t := &tending{make(chan struct{}), make(chan struct{})}
	go func() {
		defer close(t.done)
		ticker := time.NewTicker(tendEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				r.touch(s)
				r.forget()
			case <-t.stop:
				r.touch(s)
				return
			}
		}
	}()
	return t
}

// end stops it and waits until it has ended.
func (t *tending) end() {
	if t == nil {
		return
	}
	close(t.stop)
	<-t.done
}

// touchMost bounds how many keys one Touch is about.
const touchMost = 10_000

// touch writes the use of keys since it was written last.
func (r *Registry) touch(s Store) {
	k := r.roll.Load()
	if !k.touched.Swap(false) {
		return
	}
	since, until := k.written, time.Now().UnixMilli()
	batch := map[string]time.Time{}
	write := func() bool {
		if len(batch) == 0 {
			return true
		}
		if err := s.Touch(context.Background(), batch); err != nil {
			r.log.Warn("when API keys were used last could not be written", "error", err)
			k.touched.Store(true)
			return false
		}
		clear(batch)
		return true
	}
	keys := k.keys.Load()
	for one := range keys.all() {
		if used := one.used.Load(); used >= since && used > 0 {
			batch[keys.idOf(one)] = moment(used)
		}
		if len(batch) == touchMost && !write() {
			return
		}
	}
	if write() {
		k.written = until
	}
}
