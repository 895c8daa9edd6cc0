package ipfilter

// The lists that stand in a file.

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"sallyport/schema"
)

// maxFile bounds a list: four million lines of IPv4.
const maxFile = 64 << 20

type lists struct{ allow, deny []netip.Prefix }

// read adds what the file of that name lists; lines that do not say to which list they belong go to bare.
func (l *lists) read(name string, bare *[]netip.Prefix) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return err
	} else if !info.Mode().IsRegular() || info.Size() > maxFile {
		return fmt.Errorf("%s: a file of at most %d MiB is wanted", name, maxFile>>20)
	}
	before := len(l.allow) + len(l.deny)
	s := bufio.NewScanner(f)
	for n := 1; s.Scan(); n++ {
		if err := l.line(s.Text(), bare); err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	if err := s.Err(); err != nil {
		return err
	}
	if len(l.allow)+len(l.deny) == before { // a file emptied by mistake must not let everybody in
		return fmt.Errorf("%s lists nothing", name)
	}
	return nil
}

func (l *lists) line(text string, bare *[]netip.Prefix) error {
	text, _, _ = strings.Cut(text, "#")
	words := strings.Fields(text)
	if len(words) == 0 {
		return nil
	}
	list := bare
	switch words[0] {
	case "allow":
		list, words = &l.allow, words[1:]
	case "deny":
		list, words = &l.deny, words[1:]
	}
	if len(words) != 1 {
		return fmt.Errorf("write one network or address a line, such as 10.0.0.0/8")
	}
	p, err := schema.ParsePrefix(words[0])
	if err == nil {
		*list = append(*list, p)
	}
	return err
}
