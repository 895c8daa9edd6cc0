// Package process is what a process has to do with the system around it: files that are written whole, sockets that it is given
// or hands over to a newer program, its PID file, and what systemd wants to know.
//
// write.go and pid.go are files; sockets.go and given.go are listening sockets; handover.go is one program taking over from
// another; systemd.go is sd_notify.
package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// stale is how old a file must be that an earlier process began to write, and did not end, to be removed.
const stale = time.Minute

// WriteFile makes name hold data, for its owner alone. Whatever happens meanwhile, also the end of the process or of power: name
// has the old content or the new one.
func WriteFile(name string, data []byte) error {
	return write(name, data, os.Rename)
}

// CreateFile is WriteFile for a name that must not be there yet; else the error is fs.ErrExist.
func CreateFile(name string, data []byte) error {
	return write(name, data, func(from, to string) error {
		err := os.Link(from, to)
		return errors.Join(err, os.Remove(from))
	})
}

func write(name string, data []byte, settle func(from, to string) error) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	dir, base := filepath.Dir(name), filepath.Base(name)
	sweep(filepath.Join(dir, "."+base+".*.tmp"))
	temp, err := fill(dir, "."+base+".*.tmp", data)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := settle(temp, name); err != nil {
		_ = os.Remove(temp)
		return fmt.Errorf("write %s: %w", name, err)
	}
	return syncDir(dir)
}

// fill writes a new file, which its owner alone may read, and has it on disk.
func fill(dir, pattern string, data []byte) (name string, err error) {
	f, err := os.CreateTemp(dir, pattern)
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(f.Name())
	}
	return f.Name(), err
}

// syncDir has the names of a directory on disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// sweep removes what processes left behind that were killed while they wrote.
func sweep(pattern string) {
	left, _ := filepath.Glob(pattern) // a directory with odd characters in its name keeps them
	for _, name := range left {
		if info, err := os.Lstat(name); err == nil && time.Since(info.ModTime()) > stale {
			_ = os.Remove(name)
		}
	}
}
