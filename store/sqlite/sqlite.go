// Package sqlite keeps what is durable in a file: an SQLite database that one process has open at a time. What it acknowledged is on disk,
// whatever happens to the process, or to power, a moment later.
//
// sqlite.go opens and closes it; files.go is its files and who may read them, lock.go the one process, pepper.go the key of the hashes;
// migrate.go brings old files up to date; load.go reads everything, apply.go writes changes, backup.go makes copies.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	driver "modernc.org/sqlite"
)

// A Store is a database that is open. Its methods may be called from any goroutine.
type Store struct {
	file   string // without links
	lock   *lock
	pepper []byte
	schema int // version of the file, once it is up to date
	seals  []seal

	write      sync.Mutex // changes go one after another; taken before closing
	db         *sql.DB    // one connection
	statements map[string]*sql.Stmt

	changes, failures atomic.Uint64
	backedUp          atomic.Int64 // when, in seconds since 1970; 0 for never
}

// ErrClosed is what a store returns that was closed.
var ErrClosed = errors.New("the store is closed")

// Open opens the store in file, which must be there.
func Open(ctx context.Context, file string, log *slog.Logger) (*Store, error) {
	return open(ctx, file, false, log)
}

// Create opens the store in file, and makes it if it is not there.
func Create(ctx context.Context, file string, log *slog.Logger) (*Store, error) {
	return open(ctx, file, true, log)
}

func open(ctx context.Context, file string, create bool, log *slog.Logger) (*Store, error) {
	s := &Store{statements: map[string]*sql.Stmt{}}
	if err := s.start(ctx, file, create, log); err != nil {
		return nil, fmt.Errorf("open the store %s: %w", file, explained(errors.Join(err, s.Close())))
	}
	return s, nil
}

// start leaves no file behind that a later start could not go on with, whenever it ends.
func (s *Store) start(ctx context.Context, file string, create bool, log *slog.Logger) (err error) {
	if err := lost(file); err != nil {
		return err
	}
	if s.file, err = locate(file, create); err != nil {
		return err
	}
	if s.lock, err = acquire(ctx, s.file); err != nil {
		return err
	}
	if err := settleFile(s.file, create); err != nil {
		return err
	}
	if s.db, err = connect(s.file); err != nil {
		return err
	}
	if s.schema, err = migrate(ctx, s.db, log); err != nil {
		return err
	}
	if err := s.inspect(ctx, log); err != nil {
		return err
	}
	if err := s.season(ctx); err != nil {
		return err
	}
	if err := s.recall(ctx); err != nil {
		return err
	}
	for _, name := range []string{s.file, s.lock.file.Name()} {
		mark, err := sealed(name)
		if err != nil {
			return err
		}
		s.seals = append(s.seals, mark)
	}
	return s.prepare(ctx)
}

// connect opens a database that is there, with one connection. A commit is on disk when it returns; an identifier that is not one is an
// error and not a text.
func connect(file string) (*sql.DB, error) {
	q := url.Values{"mode": {"rw"}, "_txlock": {"immediate"}, "_dqs": {"0"}, "_pragma": {
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "trusted_schema(0)", "temp_store(MEMORY)",
	}}
	c, err := driver.NewConnector((&url.URL{Scheme: "file", OmitHost: true, Path: file, RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(1)
	return db, nil
}

// inspectTime bounds how long a start looks for damage.
const inspectTime = 10 * time.Second

// inspect looks for damage in the file. What takes too long is left: a page that cannot be read is an error when it is read.
func (s *Store) inspect(ctx context.Context, log *slog.Logger) error {
	limited, cancel := context.WithTimeout(ctx, inspectTime)
	defer cancel()
	var found string
	err := s.db.QueryRowContext(limited, "PRAGMA quick_check(1)").Scan(&found)
	switch {
	case err != nil && limited.Err() != nil && ctx.Err() == nil:
		log.Warn("the store is too large to be looked through for damage at the start", "store", s.file, "within", inspectTime)
		return nil
	case err != nil:
		return err
	case found != "ok":
		return &damage{found}
	}
	return nil
}

// Close closes the store: another process may have it then. What was acknowledged stays.
func (s *Store) Close() error {
	s.write.Lock()
	defer s.write.Unlock()
	for _, st := range s.statements {
		_ = st.Close()
	}
	s.statements = nil
	var err error
	if s.db != nil {
		err = s.db.Close()
		s.db = nil
	}
	return errors.Join(err, s.lock.release())
}

// Pepper is the key of the hashes of API keys. It is not in the database.
func (s *Store) Pepper() []byte { return s.pepper }

// A Status is how a store is, for those who run it.
type Status struct {
	File     string
	Bytes    int64 // on disk
	Schema   int   // version of what is in it
	Changes  uint64
	Failures uint64    // changes that were not written
	BackedUp time.Time // zero for never
}

// Status says how the store is. It asks the file system alone, and waits for no change.
func (s *Store) Status() Status {
	st := Status{File: s.file, Schema: s.schema, Changes: s.changes.Load(), Failures: s.failures.Load()}
	for _, name := range []string{s.file, s.file + "-wal"} {
		if info, err := os.Stat(name); err == nil {
			st.Bytes += info.Size()
		}
	}
	if at := s.backedUp.Load(); at != 0 {
		st.BackedUp = time.Unix(at, 0)
	}
	return st
}
