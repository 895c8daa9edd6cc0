package sqlite

import (
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// This file is how values look in columns.

// An instant is a time in a column: microseconds since 1970, NULL for the zero time.
type instant time.Time

// Value implements driver.Valuer.
func (i instant) Value() (driver.Value, error) {
	if t := time.Time(i); !t.IsZero() {
		return t.UnixMicro(), nil
	}
	return nil, nil
}

// Scan implements sql.Scanner.
func (i *instant) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*i = instant{}
	case int64:
		*i = instant(time.UnixMicro(v).UTC())
	default:
		return fmt.Errorf("a time is a %T", v)
	}
	return nil
}

// A digest is a hash in a column.
type digest [32]byte

// Scan implements sql.Scanner.
func (d *digest) Scan(v any) error {
	b, ok := v.([]byte)
	if !ok || len(b) != len(d) {
		return errors.New("a hash is none")
	}
	copy(d[:], b)
	return nil
}

// A list is texts in a column: JSON, NULL when there is none.
type list []string

// Value implements driver.Valuer.
func (l list) Value() (driver.Value, error) {
	if len(l) == 0 {
		return nil, nil
	}
	b, err := json.Marshal([]string(l))
	return string(b), err
}

// Scan implements sql.Scanner.
func (l *list) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*l = nil
		return nil
	case string:
		*l = nil
		return json.Unmarshal([]byte(v), (*[]string)(l))
	}
	return fmt.Errorf("a list is a %T", v)
}

// A networks is networks in a column, as a list.
type networks []netip.Prefix

// Value implements driver.Valuer.
func (n networks) Value() (driver.Value, error) {
	var l list
	for _, p := range n {
		l = append(l, p.String())
	}
	return l.Value()
}

// Scan implements sql.Scanner.
func (n *networks) Scan(v any) error {
	var l list
	if err := l.Scan(v); err != nil {
		return err
	}
	*n = nil
	for _, text := range l {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return err
		}
		*n = append(*n, p)
	}
	return nil
}

// A document is JSON in a column, never NULL.
type document []byte

// Value implements driver.Valuer.
func (d document) Value() (driver.Value, error) {
	if d == nil {
		return []byte{}, nil
	}
	return []byte(d), nil
}
