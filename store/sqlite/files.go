package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Exists says whether there is a store in file, which is true as well when that cannot be found out, or only its pepper is left.
func Exists(file string) bool { return there(file) || there(pepperOf(file)) }

// there says whether there is anything of that name, or that cannot be found out.
func there(name string) bool {
	_, err := os.Lstat(name)
	return !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR)
}

// lost is an error when a pepper has no database any more: it is made after its database. An empty store in place of that one would know of no revocation.
func lost(file string) error {
	info, err := os.Stat(file)
	gone := err == nil && info.Size() == 0 || !there(file)
	if !gone || !there(pepperOf(file)) {
		return nil
	}
	return fmt.Errorf("the database is gone or empty, and its pepper %s is not; restore a backup, or put the pepper aside to begin anew", pepperOf(file))
}

// A seal tells whether the files of an open store are still those under its name. What goes to others is lost, and nothing keeps a second process away.
type seal struct {
	name string
	info fs.FileInfo
}

// ErrReplaced is what a store returns whose files somebody took away while it is open.
var ErrReplaced = errors.New("a file of the store was removed or replaced while it is open; put it back, or restart")

func sealed(name string) (seal, error) {
	info, err := os.Stat(name)
	return seal{name, info}, err
}

func (s seal) broken() error {
	if info, err := os.Stat(s.name); err != nil || !os.SameFile(info, s.info) {
		return fmt.Errorf("%w: %s", ErrReplaced, s.name)
	}
	return nil
}

// locate returns the name of file without links, so that two names of one store have one lock, and makes its folder when that is
// asked for.
func locate(file string, create bool) (string, error) {
	abs, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	if create {
		if err := os.MkdirAll(filepath.Dir(abs), 0o700); err != nil {
			return "", err
		}
	}
	real, err := filepath.EvalSymlinks(abs)
	if err == nil || !create || !errors.Is(err, fs.ErrNotExist) {
		return real, err
	}
	if there(abs) {
		return "", errors.New("it is a link to nowhere")
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
	return filepath.Join(dir, filepath.Base(abs)), err
}

// settleFile makes the file of a database for its owner alone, unless it is there: then nobody else may be able to read it. The database
// gives the files that it makes beside it the same mode.
func settleFile(name string, create bool) error {
	if !create || there(name) {
		return private(name)
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), syncFolder(name))
}

// private is an error when others than the owner may read or write the file.
func private(name string) error {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no file", name)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s can be read or written by others, mode %04o; chmod 600 makes it its owner's alone", name, info.Mode().Perm())
	}
	return nil
}

// syncFolder has the names in the folder of a file on disk.
func syncFolder(name string) error {
	d, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
