package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// This file keeps a second process away from a store: it would have its own idea of who may come in, and not see what the first one
// takes back.

// A lock is a file that this process alone has locked. It ends with the process, however that ends. The file stays: whoever removed
// it could take it from somebody who just opened it.
type lock struct{ file *os.File }

const (
	lockPatience = time.Second // for a process that is just ending
	lockOften    = 10 * time.Millisecond
)

// acquire locks the store in file.
func acquire(ctx context.Context, file string) (*lock, error) {
	name := file + ".lock"
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	until := time.Now().Add(lockPatience)
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) || time.Now().After(until) || ctx.Err() != nil {
			return nil, errors.Join(refused(name, f, err), f.Close())
		}
		time.Sleep(lockOften)
	}
	_, err = f.WriteAt([]byte(fmt.Sprintf("%-20d\n", os.Getpid())), 0) // one length, so that the file needs room once
	if err != nil && !errors.Is(err, syscall.ENOSPC) {                 // who holds it is for people
		return nil, errors.Join(err, f.Close())
	}
	return &lock{f}, nil
}

// ErrInUse is within the error for a store that another process has open.
var ErrInUse = errors.New("the store is in use")

func refused(name string, f *os.File, err error) error {
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return fmt.Errorf("lock %s: %w", name, err)
	}
	holder := "another process"
	b, _ := io.ReadAll(io.LimitReader(f, 32))
	if pid, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil {
		holder = fmt.Sprintf("process %d", pid)
	}
	return fmt.Errorf("%w: %s has %s; stop it first, replace it with SIGUSR2, or give this one another file as store.sqlite", ErrInUse, holder, name)
}

func (l *lock) release() error {
	if l == nil || l.file == nil {
		return nil
	}
	f := l.file
	l.file = nil
	return f.Close()
}
