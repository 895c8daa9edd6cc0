package sqlite

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"sallyport/process"
)

// This file is the pepper: the key under which keys are hashed, in a file of its own, so that a database alone, or a copy of
// one, does not let anybody try keys.

// pepperSize is that of SHA-256, which is what it keys.
const pepperSize = 32

func (s *Store) pepperFile() string { return pepperOf(s.file) }

func pepperOf(file string) string { return file + ".pepper" }

// season reads the pepper, or makes it while there is nothing that was hashed under one.
func (s *Store) season(ctx context.Context) error {
	var hashed bool
	if err := s.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM keys)").Scan(&hashed); err != nil {
		return err
	}
	pepper, err := readPepper(s.pepperFile())
	switch {
	case errors.Is(err, fs.ErrNotExist) && hashed:
		return fmt.Errorf("the pepper %s is missing, without which none of the keys in the store is good; restore it from where it was backed up", s.pepperFile())
	case errors.Is(err, fs.ErrNotExist):
		pepper, err = makePepper(s.pepperFile())
	}
	if err != nil {
		return err
	}
	s.pepper = pepper
	return s.comparePepper(ctx, hashed)
}

func readPepper(name string) ([]byte, error) {
	if err := private(name); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(name)
	if err == nil && len(b) != pepperSize {
		return nil, fmt.Errorf("the pepper %s has %d bytes in place of %d: it is damaged; restore it from where it was backed up", name, len(b), pepperSize)
	}
	return b, err
}

func makePepper(name string) ([]byte, error) {
	b := make([]byte, pepperSize)
	rand.Read(b)
	return b, process.CreateFile(name, b)
}

// comparePepper finds out when the pepper is that of another store: then each key would be unknown, and nobody could say why.
func (s *Store) comparePepper(ctx context.Context, hashed bool) error {
	mac := hmac.New(sha256.New, s.pepper)
	mac.Write([]byte("the pepper of this store"))
	want := mac.Sum(nil)
	var kept []byte
	err := s.db.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = 'pepper'").Scan(&kept)
	switch {
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		return err
	case bytes.Equal(kept, want):
		return nil
	case hashed && kept != nil:
		return fmt.Errorf("the pepper %s is that of another store; restore the one that was backed up with this database", s.pepperFile())
	}
	_, err = s.db.ExecContext(ctx, putMeta, "pepper", want)
	return err
}
