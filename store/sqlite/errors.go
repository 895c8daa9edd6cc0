package sqlite

import (
	"errors"
	"fmt"
	"syscall"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"
)

// This file says in words what is wrong with a database or the disk below it.

// The errors that a store may go on after, once their reason is gone.
var (
	ErrFull     = errors.New("the disk is full, or the store may grow no more; make room")
	ErrReadOnly = errors.New("the disk or file cannot be written")
	ErrDisk     = errors.New("the disk does not do what it is told")
)

// A damage is what was found wrong with a database.
type damage struct{ what string }

func (d *damage) Error() string {
	return fmt.Sprintf("the database is damaged: %s; put it aside and restore a backup", d.what)
}

// explained gives an error of the database words that say what to do.
func explained(err error) error {
	var e *driver.Error
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: %w", ErrFull, err)
	case !errors.As(err, &e):
		return err
	}
	switch e.Code() & 0xff {
	case codes.SQLITE_FULL:
		return fmt.Errorf("%w: %w", ErrFull, err)
	case codes.SQLITE_READONLY, codes.SQLITE_CANTOPEN, codes.SQLITE_PERM:
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	case codes.SQLITE_IOERR:
		return fmt.Errorf("%w: %w", ErrDisk, err)
	case codes.SQLITE_CORRUPT, codes.SQLITE_NOTADB:
		return &damage{e.Error()}
	}
	return err
}
