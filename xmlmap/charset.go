package xmlmap

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// This file makes UTF-8 of XML in other encodings, which old services have: a byte order mark says which, else the Content-Type, else
// the declaration in front (RFC 7303 §3).

var (
	errEncoding = errors.New("it is in an encoding that is not taken here; UTF-8, UTF-16, ISO-8859-1 and windows-1252 are")
	errNoText   = errors.New("it is not in the encoding that it says")
)

// toUTF8 returns the text of b.
func toUTF8(b []byte, charset string) ([]byte, error) {
	switch {
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		b, charset = b[3:], "utf-8"
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		b, charset = b[2:], "utf-16be"
	case bytes.HasPrefix(b, []byte("\xff\xfe")):
		b, charset = b[2:], "utf-16le"
	case charset == "":
		charset = declared(b)
	}
	switch strings.ToLower(charset) {
	case "", "utf-8", "utf8":
		if !utf8.Valid(b) {
			return nil, errNoText
		}
		return b, nil
	case "us-ascii", "ascii":
		for _, c := range b {
			if c >= utf8.RuneSelf {
				return nil, errNoText
			}
		}
		return b, nil
	case "iso-8859-1", "iso8859-1", "latin1", "latin-1":
		return wide(b, func(c byte) rune { return rune(c) })
	case "windows-1252", "cp1252":
		return wide(b, func(c byte) rune {
			if c >= 0x80 && c < 0xa0 {
				return windows[c-0x80]
			}
			return rune(c)
		})
	case "utf-16be", "utf-16":
		return fromUTF16(b, binary.BigEndian)
	case "utf-16le":
		return fromUTF16(b, binary.LittleEndian)
	}
	return nil, errEncoding
}

// declared finds what the declaration says, which is in ASCII for the encodings that can be told so.
func declared(b []byte) string {
	if !bytes.HasPrefix(b, []byte("<?xml")) {
		return ""
	}
	b, _, found := bytes.Cut(b[:min(len(b), 200)], []byte("?>"))
	if !found {
		return ""
	}
	_, b, found = bytes.Cut(b, []byte("encoding"))
	if !found {
		return ""
	}
	text := strings.TrimLeft(string(b), " \t\r\n=")
	if text == "" || text[0] != '"' && text[0] != '\'' {
		return "?"
	}
	name, _, found := strings.Cut(text[1:], text[:1])
	if !found {
		return "?"
	}
	return name
}

func wide(b []byte, char func(byte) rune) ([]byte, error) {
	out := make([]byte, 0, len(b)+len(b)/8)
	for _, c := range b {
		r := char(c)
		if r == utf8.RuneError {
			return nil, errNoText
		}
		out = utf8.AppendRune(out, r)
	}
	return out, nil
}

// windows are the characters 0x80 to 0x9f of windows-1252.
var windows = [32]rune{
	0x20ac, utf8.RuneError, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, utf8.RuneError, 0x017d, utf8.RuneError,
	utf8.RuneError, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, utf8.RuneError, 0x017e, 0x0178,
}

func fromUTF16(b []byte, order binary.ByteOrder) ([]byte, error) {
	if len(b)%2 != 0 {
		return nil, errNoText
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i += 2 {
		r := rune(order.Uint16(b[i:]))
		if utf16.IsSurrogate(r) {
			if i+4 > len(b) {
				return nil, errNoText
			}
			i += 2
			if r = utf16.DecodeRune(r, rune(order.Uint16(b[i:]))); r == utf8.RuneError {
				return nil, errNoText
			}
		}
		out = utf8.AppendRune(out, r)
	}
	return out, nil
}
