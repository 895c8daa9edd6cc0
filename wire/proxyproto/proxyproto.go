// Package proxyproto reads the header of the PROXY protocol, in which a proxy in front tells who its client is before the
// client's first byte (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt), versions 1 and 2.
//
// It reads exactly the header, so the connection stays what it is. Whatever the specification does not allow is an error.
package proxyproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"net/netip"
	"strconv"
	"strings"
)

// A Header is what the proxy tells. Both addresses are invalid when it speaks for itself, as in a check of health, or of a client without
// an IP address: then the connection's own count.
type Header struct {
	Client netip.AddrPort
	Asked  netip.AddrPort // what the client connected to
}

const (
	firstRead = 15      // the shortest line of version 1; shorter than any header of version 2
	longestV1 = 107     // with its line end (§2.1)
	longestV2 = 4 << 10 // behind its fixed part; addresses take 36 bytes, certificates and the like a few hundred more
	fixedV2   = 16
)

var (
	signature = []byte("\r\n\r\n\x00\r\nQUIT\n")

	errNone      = errors.New("there is no PROXY header")
	errMalformed = errors.New("the PROXY header is malformed")
	errLong      = errors.New("the PROXY header is longer than allowed")
	errSum       = errors.New("the checksum of the PROXY header is wrong")
)

// Read reads a header off r.
func Read(r io.Reader) (Header, error) {
	var b [longestV1]byte
	if _, err := io.ReadFull(r, b[:firstRead]); err != nil {
		return Header{}, err
	}
	switch {
	case bytes.HasPrefix(b[:], signature):
		return readV2(r, b[:fixedV2])
	case bytes.HasPrefix(b[:], []byte("PROXY ")):
		return readV1(r, b[:])
	}
	return Header{}, errNone
}

// readV1 reads the rest of a line into b. It never asks for more than must still come, so it cannot read what is the client's.
func readV1(r io.Reader, b []byte) (Header, error) {
	n := firstRead
	for b[n-1] != '\n' {
		more := 2
		if b[n-1] == '\r' {
			more = 1
		}
		if n+more > len(b) {
			return Header{}, errLong
		}
		if _, err := io.ReadFull(r, b[n:n+more]); err != nil {
			return Header{}, err
		}
		n += more
	}
	line, found := strings.CutSuffix(string(b[:n]), "\r\n")
	if !found || strings.ContainsAny(line, "\r\n") {
		return Header{}, errMalformed
	}
	return parseV1(line)
}

func parseV1(line string) (h Header, err error) {
	words := strings.Split(line, " ")
	if words[1] == "UNKNOWN" {
		return h, nil // whatever follows (§2.1)
	}
	if len(words) != 6 || words[1] != "TCP4" && words[1] != "TCP6" {
		return h, errMalformed
	}
	four := words[1] == "TCP4"
	h.Client, err = addrPort(words[2], words[4], four)
	if err == nil {
		h.Asked, err = addrPort(words[3], words[5], four)
	}
	return h, err
}

func addrPort(addr, port string, four bool) (netip.AddrPort, error) {
	a, err := netip.ParseAddr(addr)
	n, notNumber := strconv.ParseUint(port, 10, 16)
	if err != nil || notNumber != nil || a.Zone() != "" || a.Is4() != four || port != strconv.FormatUint(n, 10) {
		return netip.AddrPort{}, errMalformed
	}
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), nil
}

// readV2 reads the rest of a header whose first bytes are in b.
func readV2(r io.Reader, b []byte) (h Header, err error) {
	if _, err := io.ReadFull(r, b[firstRead:fixedV2]); err != nil {
		return h, err
	}
	n := int(binary.BigEndian.Uint16(b[14:]))
	if n > longestV2 {
		return h, errLong
	}
	all := make([]byte, fixedV2+n)
	copy(all, b)
	if _, err := io.ReadFull(r, all[fixedV2:]); err != nil {
		return h, err
	}
	return parseV2(all)
}

// Commands, and families with their transport, of version 2 (§2.2).
const (
	local = 0x20
	proxy = 0x21

	unspecified = 0x00
	tcp4        = 0x11
	tcp6        = 0x21
	unix        = 0x31
)

func parseV2(all []byte) (h Header, err error) {
	rest := all[fixedV2:]
	addresses := map[byte]int{tcp4: 12, tcp6: 36, unix: 216}[all[13]]
	switch command := all[12]; {
	case command == local:
		return h, nil // what follows is to be skipped, whatever it is (§2.2)
	case command != proxy, addresses == 0 && all[13] != unspecified, len(rest) < addresses:
		return h, errMalformed
	case all[13] == unspecified:
		return h, nil
	}
	switch all[13] {
	case tcp4:
		h.Client = pair(rest[:4], rest[8:])
		h.Asked = pair(rest[4:8], rest[10:])
	case tcp6:
		h.Client = pair(rest[:16], rest[32:])
		h.Asked = pair(rest[16:32], rest[34:])
	}
	return h, vectors(all, fixedV2+addresses)
}

func pair(addr, port []byte) netip.AddrPort {
	a, _ := netip.AddrFromSlice(addr)
	return netip.AddrPortFrom(a.Unmap(), binary.BigEndian.Uint16(port))
}

// crc32c is the type of the vector that holds a checksum of the header (§2.2.4).
const crc32c = 0x03

// vectors looks through the type-length-value vectors from all[at:] on.
func vectors(all []byte, at int) error {
	for at < len(all) {
		if len(all)-at < 3 {
			return errMalformed
		}
		kind, size := all[at], int(binary.BigEndian.Uint16(all[at+1:]))
		if at += 3; size > len(all)-at {
			return errMalformed
		}
		if kind == crc32c {
			if size != 4 {
				return errMalformed
			}
			want := binary.BigEndian.Uint32(all[at:])
			clear(all[at : at+4])
			if crc32.Checksum(all, crc32.MakeTable(crc32.Castagnoli)) != want {
				return errSum
			}
		}
		at += size
	}
	return nil
}
