package identity

// What an API key looks like: sp_, 32 characters of randomness, and 6 that say whether the rest is whole. So a key that leaked can be told from other text
// by a scanner, and a mistyped one without a look-up.

import (
	"bytes"
	"crypto/rand"
	"hash/crc32"
	"strings"
)

const (
	keyPrefix = "sp_"
	keyRandom = 32 // characters, of 5.95 bits each: 190 bits
	keyCheck  = 6
	keyLength = len(keyPrefix) + keyRandom + keyCheck
	keyShown  = len(keyPrefix) + 8 // the prefix that stays readable: 48 bits of it are known, 142 are not
	maxKey    = 512                // of keys that the document has from elsewhere
)

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// isBase62 says which bytes are digits of a key.
var isBase62 = func() (t [256]bool) {
	for i := range len(base62) {
		t[base62[i]] = true
	}
	return t
}()

// newKey makes a key.
func newKey() string {
	b := append(make([]byte, 0, keyLength), keyPrefix...)
	b = appendRandom(b, keyRandom)
	check := checksum(string(b))
	return string(append(b, check[:]...))
}

// appendRandom appends n random digits, each as likely as any other.
func appendRandom(b []byte, n int) []byte {
	var room [64]byte
	for n > 0 {
		_, _ = rand.Read(room[:]) // it never fails
		for _, c := range room {
			if c &= 63; int(c) < len(base62) && n > 0 {
				b = append(b, base62[c])
				n--
			}
		}
	}
	return b
}

// checksum is the CRC-32 (IEEE) of what is before it in six digits, the most significant first.
func checksum(text string) (digits [keyCheck]byte) {
	sum := ^uint32(0)
	for i := range len(text) { // crc32.ChecksumIEEE wants its bytes on the heap
		sum = crc32.IEEETable[byte(sum)^text[i]] ^ sum>>8
	}
	sum = ^sum
	for i := range digits {
		digits[keyCheck-1-i] = base62[sum%62]
		sum /= 62
	}
	return digits
}

// A shape is what a text is, going by its looks.
type shape uint8

const (
	foreign shape = iota // no key of this gateway's making; one from elsewhere may look like that
	broken               // meant for one of its keys, and not whole
	whole
)

// shapeOf tells what text is.
func shapeOf(text string) shape {
	if !strings.HasPrefix(text, keyPrefix) {
		return foreign
	}
	if len(text) != keyLength {
		return broken
	}
	for i := len(keyPrefix); i < len(text); i++ {
		if !isBase62[text[i]] {
			return broken
		}
	}
	if sum := checksum(text[:keyLength-keyCheck]); string(sum[:]) != text[keyLength-keyCheck:] {
		return broken
	}
	return whole
}

// newID makes the ID of a record: short enough to be read out, and no secret.
func newID(sort string) string { return sort + "_" + string(appendRandom(nil, idRandom)) }

const (
	idRandom = 12
	idLength = len("k_") + idRandom // of that of a key
)

// KeyLength is that of every key that is made here, and KeyShown how much of it may be shown.
const (
	KeyLength = keyLength
	KeyShown  = keyShown
)

// FindKeys returns where whole keys stand in text, to find those that leaked: it takes no look at any store.
func FindKeys(text []byte) (at []int) {
	for i := 0; i+keyLength <= len(text); i++ {
		next := bytes.Index(text[i:], []byte(keyPrefix))
		if next < 0 || i+next+keyLength > len(text) {
			break
		}
		if i += next; shapeOf(string(text[i:i+keyLength])) == whole {
			at = append(at, i)
		}
	}
	return at
}
