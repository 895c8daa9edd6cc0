package wire

import "unicode/utf8"

// This file holds the characters that some readers turn into ASCII: by compatibility normalisation (Unicode
// NFKC), by the "best fit" of an old code page, or by dropping what is invisible. A path that holds one is doubtful.

// lookAlikes are the single ones; the alphabets are computed in fold.
var lookAlikes = map[rune]string{
	0x00a5: `\`, 0x20a9: `\`, // yen and won, where "\" stands in Shift JIS and its Korean cousin
	0x00ad: "", 0x034f: "", 0x200b: "", 0x200c: "", 0x200d: "", 0x2060: "", 0xfeff: "", // invisible
	0x00a0: " ", 0x2002: " ", 0x2003: " ", 0x2009: " ", 0x202f: " ", 0x3000: " ",
	0x00b7: ".", 0x2024: ".", 0x2025: "..", 0x2026: "...", 0x3002: ".", 0xfe12: ".", 0xfe19: "...", 0xfe30: "..", 0xfe52: ".", 0xff61: ".",
	0x2044: "/", 0x2215: "/", 0x29f8: "/", 0x2571: "/", 0x2100: "a/c", 0x2101: "a/s", 0x2105: "c/o", 0x2106: "c/u",
	0x2216: `\`, 0x29f5: `\`, 0x29f9: `\`, 0xfe68: `\`,
	0x066a: "%", 0xfe6a: "%",
	0x037e: ";", 0xfe14: ";", 0xfe54: ";",
	0xfe16: "?", 0xfe56: "?", 0x203d: "?", 0x2047: "??", 0x2048: "?!", 0x2049: "!?",
	0xfe5f: "#", 0xfe13: ":", 0xfe55: ":", 0xfe6b: "@", 0xfe60: "&", 0xfe61: "*", 0xfe62: "+", 0xfe66: "=",
	0x2010: "-", 0x2011: "-", 0x2012: "-", 0x2013: "-", 0x2212: "-", 0xfe63: "-", 0xfe4d: "_", 0xfe33: "_",
	0x017f: "s", 0x212a: "K", 0x00aa: "a", 0x00ba: "o", 0x2071: "i", 0x207f: "n",
	0x210a: "g", 0x210b: "H", 0x210c: "H", 0x210d: "H", 0x210e: "h", 0x2110: "I", 0x2111: "I", 0x2112: "L", 0x2113: "l",
	0x2115: "N", 0x2119: "P", 0x211a: "Q", 0x211b: "R", 0x211c: "R", 0x211d: "R", 0x2124: "Z", 0x2128: "Z", 0x212c: "B",
	0x212d: "C", 0x212f: "e", 0x2130: "E", 0x2131: "F", 0x2133: "M", 0x2134: "o", 0x2139: "i", 0x2145: "D",
	0x2146: "d", 0x2147: "e", 0x2148: "i", 0x2149: "j", 0xfb00: "ff", 0xfb01: "fi", 0xfb02: "fl",
	0xfb03: "ffi", 0xfb04: "ffl", 0xfb05: "st", 0xfb06: "st",
}

// asciiText holds every ASCII character as a string of its own.
const asciiText = "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f" +
	"\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f" +
	` !"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_` +
	"`abcdefghijklmnopqrstuvwxyz{|}~\x7f"

// fold returns the ASCII text that some reader takes r for, if there is one. It is never
// longer than r in UTF-8.
func fold(r rune) (ascii string, ok bool) {
	switch {
	case r < 0xa0:
		return "", false
	case 0xff01 <= r && r <= 0xff5e: // full width
		return asciiText[r-0xfee0 : r-0xfee0+1], true
	case 0x24b6 <= r && r <= 0x24cf: // circled
		return letter(r - 0x24b6), true
	case 0x24d0 <= r && r <= 0x24e9:
		return letter(26 + r - 0x24d0), true
	case 0x1d400 <= r && r <= 0x1d6a3: // mathematical alphabets
		return letter((r - 0x1d400) % 52), true
	case 0x1d7ce <= r && r <= 0x1d7ff: // mathematical digits
		return digit((r - 0x1d7ce) % 10), true
	case 0x2080 <= r && r <= 0x2089, 0x2074 <= r && r <= 0x2079, r == 0x2070: // subscript and superscript
		return digit(r & 15), true
	case r == 0xb2 || r == 0xb3 || r == 0xb9:
		return digit(r & 7 % 4), true
	case 0x1f130 <= r && r <= 0x1f149: // squared
		return letter(r - 0x1f130), true
	}
	ascii, ok = lookAlikes[r]
	return ascii, ok
}

func letter(n rune) string {
	c := 'A' + n
	if n >= 26 {
		c = 'a' + n - 26
	}
	return asciiText[c : c+1]
}

func digit(n rune) string { return asciiText['0'+n : '0'+n+1] }

// foldPath writes src to dst, which may be src, with look-alikes and overlong forms as ASCII, and "%uXXXX" as the
// character that it is for IIS.
func foldPath(dst, src []byte) (n int, changed bool) {
	for i := 0; i < len(src); {
		if src[i] < utf8.RuneSelf {
			if r, ok := unescapeU(src[i:]); ok {
				n += utf8.EncodeRune(dst[n:], r)
				i += 6
				changed = true
				continue
			}
			dst[n] = src[i]
			n++
			i++
			continue
		}
		r, size := careless(src[i:])
		ascii, ok := fold(r)
		switch {
		case r < utf8.RuneSelf:
			dst[n] = byte(r)
			n++
			changed = true
		case ok:
			n += copy(dst[n:], ascii)
			changed = true
		default:
			n += copy(dst[n:], src[i:i+size])
		}
		i += size
	}
	return n, changed
}

func unescapeU(s []byte) (r rune, ok bool) {
	if len(s) < 6 || s[0] != '%' || s[1] != 'u' && s[1] != 'U' {
		return 0, false
	}
	for _, c := range s[2:6] {
		if hexValue[c] > 15 {
			return 0, false
		}
		r = r<<4 | rune(hexValue[c])
	}
	return r, true
}

// careless decodes the character at the start of b as a reader does that checks nothing: overlong forms count,
// and after 0xC0 and 0xC1 any byte does. What is no character at all is one byte and RuneError.
func careless(b []byte) (rune, int) {
	if r, size := utf8.DecodeRune(b); r != utf8.RuneError || size > 1 {
		return r, size
	}
	lead := b[0]
	if !overlong(b) || len(b) < 2 {
		return utf8.RuneError, 1
	}
	if lead < 0xe0 {
		return rune(lead&0x1f)<<6 | rune(b[1]&0x3f), 2
	}
	size := 3
	for bit := byte(0x10); size < 6 && lead&bit != 0; bit >>= 1 {
		size++
	}
	if len(b) < size {
		return utf8.RuneError, 1
	}
	r := rune(0)
	for _, c := range b[1:size] {
		if utf8.RuneStart(c) {
			return utf8.RuneError, 1
		}
		r = r<<6 | rune(c&0x3f)
	}
	return r, size
}
