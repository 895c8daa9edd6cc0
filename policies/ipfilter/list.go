package ipfilter

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gaissmai/bart"

	"sallyport/schema"
)

// A list is one of elsewhere. All policies that name the same one share it, across reloads.
type list struct {
	now   atomic.Pointer[content] // nil before the first
	first chan struct{}           // of one that is fetched: closed when there is one, or the first try has failed
	tried sync.Once               // closes first
}

// A content is what a list holds at one time; it never changes. Tables that nothing is in are nil.
type content struct {
	allow, deny *bart.Lite
	bare        *bart.Lite  // with neither word in front
	size        int         // lines with a network
	info        fs.FileInfo // of the file that it stands in; nil for a feed
}

type says struct{ allow, deny, bare bool }

func (c *content) lookup(a netip.Addr) (s says) {
	if c.deny != nil {
		s.deny = c.deny.Lookup(a)
	}
	if c.bare != nil {
		s.bare = c.bare.Lookup(a)
	}
	if c.allow != nil {
		s.allow = c.allow.Lookup(a)
	}
	return s
}

// A reading says how a list is read.
type reading struct {
	words bool // allow and deny may stand in front
	loose bool // a network may be written by any address in it, but must not be all there are
}

// read reads the lines. A list that is wrong in one place is not taken at all: nobody can tell what else is missing.
func (r reading) read(text []byte) (*content, error) {
	c := &content{}
	s := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; s.Scan(); n++ {
		if err := r.line(c, s.Text()); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	switch {
	case s.Err() != nil:
		return nil, s.Err()
	case c.size == 0: // one emptied by mistake must not let everybody in
		return nil, errors.New("it lists nothing")
	}
	return c, nil
}

func (r reading) line(c *content, text string) error {
	if i := strings.IndexAny(text, "#;"); i >= 0 {
		text = text[:i]
	}
	word, rest := cut(text)
	into := &c.bare
	switch {
	case word == "":
		return nil
	case r.words && word == "allow":
		into, word = &c.allow, rest
	case r.words && word == "deny":
		into, word = &c.deny, rest
	case rest != "":
		return errShape
	}
	p, err := r.network(word)
	if err != nil {
		return err
	}
	if *into == nil {
		*into = &bart.Lite{}
	}
	(*into).Insert(p)
	c.size++
	return nil
}

// cut takes the first word off.
func cut(text string) (word, rest string) {
	text = strings.TrimSpace(text)
	if i := strings.IndexAny(text, " \t"); i >= 0 {
		return text[:i], strings.TrimSpace(text[i:])
	}
	return text, ""
}

var errShape = errors.New("write one network or address a line, such as 10.0.0.0/8")

func (r reading) network(word string) (netip.Prefix, error) {
	if strings.ContainsAny(word, " \t") {
		return netip.Prefix{}, errShape
	}
	p, err := schema.ParsePrefix(word)
	if r.loose {
		if q, wrong := netip.ParsePrefix(word); wrong == nil && !q.Addr().Is4In6() {
			p, err = q.Masked(), nil
		}
		if err == nil && p.Bits() == 0 {
			return p, fmt.Errorf("%v is everybody, which no feed is believed", p)
		}
	}
	if err != nil {
		return p, fmt.Errorf("%.50q: %w", word, err)
	}
	return p, nil
}
