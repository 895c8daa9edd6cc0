package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Backup copies the store, as of one moment, into a file that must not be there yet. Changes go on meanwhile. The pepper is not in
// it: a copy alone is good for nobody who finds it.
func (s *Store) Backup(ctx context.Context, to string) error {
	s.write.Lock()
	closed := s.db == nil
	s.write.Unlock()
	if closed {
		return ErrClosed
	}
	if err := s.backup(ctx, to); err != nil {
		return fmt.Errorf("back the store %s up to %s: %w", s.file, to, explained(err))
	}
	s.backedUp.Store(time.Now().Unix())
	return s.note(ctx)
}

// note has the time of the backup in the store, so that a restart does not forget it.
func (s *Store) note(ctx context.Context) error {
	s.write.Lock()
	defer s.write.Unlock()
	return s.transact(ctx, func(w writer) error {
		w.do(putMeta, "backed up", strconv.AppendInt(nil, s.backedUp.Load(), 10))
		return w.err()
	})
}

// recall reads it.
func (s *Store) recall(ctx context.Context) error {
	var text []byte
	err := s.db.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = 'backed up'").Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err == nil {
		var at int64
		at, err = strconv.ParseInt(string(text), 10, 64)
		s.backedUp.Store(at)
	}
	return err
}

// backup has the whole copy on disk before it gets its name.
func (s *Store) backup(ctx context.Context, to string) error {
	if Exists(to) {
		return fs.ErrExist
	}
	f, err := os.CreateTemp(filepath.Dir(to), "."+filepath.Base(to)+".*.tmp") // its owner's alone
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	defer f.Close()
	if err := s.copyTo(ctx, f.Name()); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Link(f.Name(), to); err != nil {
		return err
	}
	return syncFolder(to)
}

// copyTo fills an empty file. It has a connection of its own, so that changes need not wait.
func (s *Store) copyTo(ctx context.Context, name string) error {
	name, err := filepath.Abs(name)
	if err != nil {
		return err
	}
	db, err := connect(s.file)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", name)
	return errors.Join(err, db.Close())
}
