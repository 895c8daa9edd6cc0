package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"sallyport/store"
)

// This file writes. One change is one transaction, which is on disk when it returns without an error; with one, the store is as it
// was before, and goes on.

// Apply writes a change.
func (s *Store) Apply(ctx context.Context, c store.Change) error {
	s.write.Lock()
	defer s.write.Unlock()
	err := s.transact(ctx, func(w writer) error { return w.apply(&c) })
	if err != nil {
		s.failures.Add(1)
		return fmt.Errorf("write to the store %s: %w", s.file, explained(err))
	}
	s.changes.Add(1)
	return nil
}

// touchAtOnce is how many uses one transaction writes: changes wait no longer than for one of those.
const touchAtOnce = 2000

// Touch writes when keys were last used, by ID. Keys that are not there do not count.
func (s *Store) Touch(ctx context.Context, used map[string]time.Time) error {
	ids := make([]string, 0, len(used))
	for id := range used {
		ids = append(ids, id)
	}
	slices.Sort(ids) // neighbours share pages
	for some := range slices.Chunk(ids, touchAtOnce) {
		if err := s.touch(ctx, some, used); err != nil {
			return fmt.Errorf("write to the store %s: %w", s.file, explained(err))
		}
	}
	return nil
}

func (s *Store) touch(ctx context.Context, ids []string, used map[string]time.Time) error {
	s.write.Lock()
	defer s.write.Unlock()
	return s.transact(ctx, func(w writer) error {
		for _, id := range ids {
			w.touch(id, used[id])
		}
		return w.err()
	})
}

// transact has do write in one transaction. The caller holds write.
func (s *Store) transact(ctx context.Context, do func(writer) error) error {
	if s.db == nil {
		return ErrClosed
	}
	for _, f := range s.seals {
		if err := f.broken(); err != nil {
			return err
		}
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(writer{ctx, s, tx, new(error)}); err != nil {
		_ = tx.Rollback() // a disk that is full has ended it already
		return err
	}
	return tx.Commit()
}

// A writer writes within a transaction. After the first error it does nothing.
type writer struct {
	ctx    context.Context
	s      *Store
	tx     *sql.Tx
	failed *error
}

func (w writer) err() error { return *w.failed }

// do runs a statement that was prepared.
func (w writer) do(query string, args ...any) {
	if *w.failed != nil {
		return
	}
	_, *w.failed = w.tx.StmtContext(w.ctx, w.s.statements[query]).ExecContext(w.ctx, args...)
}

// apply removes, then puts: what is named in both is there afterwards.
func (w writer) apply(c *store.Change) error {
	w.remove(&c.Remove)
	for _, r := range c.Put.Consumers {
		w.do(putConsumer, r.Name, r.Plan, list(r.Tags), instant(r.Created), instant(r.Updated))
	}
	for _, r := range c.Put.Keys {
		w.do(putKey, r.ID, r.Consumer, r.Label, r.Prefix, r.Hash[:], networks(r.AllowIPs), list(r.Routes),
			instant(r.Created), instant(r.Expires), instant(r.Revoked), r.Replaces)
		if !r.LastUsed.IsZero() {
			w.touch(r.ID, r.LastUsed)
		}
	}
	for _, r := range c.Put.Credentials {
		w.do(putCredential, r.ID, r.Consumer, r.Kind, document(r.Settings), instant(r.Created))
	}
	for _, r := range c.Put.Plans {
		w.do(putPlan, r.Name, document(r.Settings), instant(r.Created), instant(r.Updated))
	}
	for _, r := range c.Put.Revocations {
		w.do(putRevocation, r.Issuer, r.ID, r.Subject, instant(r.Before), instant(r.Until), instant(r.Created))
	}
	return w.err()
}

func (w writer) remove(gone *store.Removed) {
	for _, name := range gone.Consumers {
		w.do(removeConsumer, name)
		w.do(removeKeysOf, name)
		w.do(removeCredentialsOf, name)
	}
	for _, id := range gone.Keys {
		w.do(removeKey, id)
	}
	for _, id := range gone.Credentials {
		w.do(removeCredential, id)
	}
	for _, name := range gone.Plans {
		w.do(removePlan, name)
	}
	for _, r := range gone.Revocations {
		w.do(removeRevocation, r.Issuer, r.ID, r.Subject)
	}
}

func (w writer) touch(id string, at time.Time) { w.do(touchKey, id, instant(at)) }
