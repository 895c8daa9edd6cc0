package identity

import (
	"errors"
	"fmt"
)

// Why a change of a Registry is refused. What is wrong with the change itself is an *Invalid.
var (
	ErrNoStore  = errors.New("nothing can be kept: the gateway has no store")
	ErrReadOnly = errors.New("nothing can be changed now: another program takes over the store")
	ErrNone     = errors.New("there is none")
	ErrThere    = errors.New("there is one already")
	ErrBusy     = errors.New("too many passwords are being checked")
)

// An Invalid is a change that makes no sense, and which part of it.
type Invalid struct {
	Field string // as in the document or the admin side, such as "consumer"
	Msg   string
}

func (w *Invalid) Error() string { return w.Field + ": " + w.Msg }

func wrong(field, format string, args ...any) error {
	return &Invalid{field, fmt.Sprintf(format, args...)}
}

// none says that there is nothing of that sort and name.
func none(what, name string) error { return fmt.Errorf("%s %q: %w", what, name, ErrNone) }

// there says that there is something of that sort and name already.
func there(what, name string) error { return fmt.Errorf("%s %q: %w", what, name, ErrThere) }
