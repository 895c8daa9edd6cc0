package identity

import (
	"cmp"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"sallyport/schema"
)

// This file is passwords as they are kept: hashed, slowly and with a salt, so that who reads the hashes has no passwords yet.
// What a hash may cost is bounded, since it is the hash that says how much memory and time a check takes.

// Bounds of what checking one password may cost: below, a hash is no protection; above, it is one for those who want to keep
// the gateway busy.
const (
	maxBcryptCost   = 14 // about a second
	maxArgonMemory  = 128 << 10
	maxArgonPasses  = 16
	maxArgonThreads = 16
	maxArgonWork    = 512 << 10 // KiB × passes, about a second
	minArgonMemory  = 8 << 10
)

// What is made here costs what OWASP wants at least of argon2id.
const (
	argonMemory  = 19 << 10
	argonPasses  = 2
	argonThreads = 1
)

// maxBcryptPassword is what bcrypt looks at; it takes longer passwords for the same when they begin alike.
const maxBcryptPassword = 72

// A Hash is a password as it is kept. It does not change.
type Hash struct {
	text string // as it was written
	cost cost
	salt []byte // of argon2id
	sum  []byte // of argon2id
}

// A cost is what it takes to check a password against a hash.
type cost struct {
	bcrypt         int // 0 for argon2id
	memory, passes uint32
	threads        uint8
	size           int // of the sum
}

var (
	bcryptText = regexp.MustCompile(`^\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}$`)
	argonText  = regexp.MustCompile(`^\$argon2id\$v=19\$m=([0-9]{1,9}),t=([0-9]{1,9}),p=([0-9]{1,9})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$`)
)

// ParseHash reads a hash of bcrypt ($2a$, $2b$, $2y$) or argon2id (a PHC string). Its errors do not repeat the text, which may
// be a password.
func ParseHash(text string) (*Hash, error) {
	if m := bcryptText.FindStringSubmatch(text); m != nil {
		c, _ := strconv.Atoi(m[1])
		if c < bcrypt.MinCost || c > maxBcryptCost {
			return nil, fmt.Errorf("the cost of a bcrypt hash is %d to %d here, not %d", bcrypt.MinCost, maxBcryptCost, c)
		}
		return &Hash{text: text, cost: cost{bcrypt: c}}, nil
	}
	if m := argonText.FindStringSubmatch(text); m != nil {
		return parseArgon(text, m)
	}
	return nil, notHashed(text)
}

// CheckHash says what is wrong with the text of a hash.
func CheckHash(text string) error {
	_, err := ParseHash(text)
	return err
}

func parseArgon(text string, m []string) (*Hash, error) {
	memory, _ := strconv.Atoi(m[1])
	passes, _ := strconv.Atoi(m[2])
	threads, _ := strconv.Atoi(m[3])
	switch {
	case memory < minArgonMemory || memory > maxArgonMemory:
		return nil, fmt.Errorf("an argon2id hash may take %d to %d KiB of memory here (m), not %d", minArgonMemory, maxArgonMemory, memory)
	case passes < 1 || passes > maxArgonPasses:
		return nil, fmt.Errorf("an argon2id hash may take 1 to %d passes here (t), not %d", maxArgonPasses, passes)
	case threads < 1 || threads > maxArgonThreads:
		return nil, fmt.Errorf("an argon2id hash may take 1 to %d threads here (p), not %d", maxArgonThreads, threads)
	case memory*passes > maxArgonWork:
		return nil, fmt.Errorf("an argon2id hash may take %d KiB times passes here (m × t), not %d", maxArgonWork, memory*passes)
	}
	salt, err := base64.RawStdEncoding.Strict().DecodeString(m[4])
	if err != nil {
		return nil, errors.New("the salt of the argon2id hash is no base64 without padding")
	}
	sum, err := base64.RawStdEncoding.Strict().DecodeString(m[5])
	if err != nil {
		return nil, errors.New("the sum of the argon2id hash is no base64 without padding")
	}
	return &Hash{text, cost{memory: uint32(memory), passes: uint32(passes), threads: uint8(threads), size: len(sum)}, salt, sum}, nil
}

// weak are schemes of password files that are not taken, by how their hashes begin. Longer beginnings come first.
var weak = []struct{ prefix, name string }{
	{"$apr1$", "MD5 (apr1)"}, {"$1$", "MD5 (crypt)"}, {"{SHA}", "SHA-1"}, {"{SSHA}", "SHA-1"}, {"$5$", "SHA-256 (crypt)"}, {"$6$", "SHA-512 (crypt)"},
	{"{PLAIN}", "plain text"}, {"$argon2i$", "argon2i"}, {"$argon2d$", "argon2d"}, {"$2x$", "bcrypt with the bug of 2x"}, {"$pbkdf2", "PBKDF2"}, {"$7$", "scrypt"}, {"$scrypt$", "scrypt"}, {"$y$", "yescrypt"},
}

// notHashed says why text is no hash that is taken, and the way out.
func notHashed(text string) error {
	const out = "write a bcrypt hash, as htpasswd -nB makes, or an argon2id one"
	for _, w := range weak {
		if strings.HasPrefix(text, w.prefix) {
			return fmt.Errorf("hashed with %s, which is not taken; %s", w.name, out)
		}
	}
	switch {
	case strings.HasPrefix(text, "$2"):
		return errors.New("begins like a bcrypt hash, and is none; they have 60 characters")
	case strings.HasPrefix(text, "$argon2id$"):
		return errors.New("begins like an argon2id hash, and is none; write $argon2id$v=19$m=19456,t=2,p=1$SALT$SUM, in quotes where commas separate items")
	}
	return fmt.Errorf("not hashed, or with crypt, which is not taken either; %s", out)
}

// HashPassword hashes a new password with argon2id. It refuses those that nobody could sign in with by HTTP's Basic scheme (RFC 7617), and those that are
// too short.
func HashPassword(password string) (string, error) {
	switch {
	case len(password) < 8 || len(password) > maxPassword:
		return "", fmt.Errorf("a password has 8 to %d bytes", maxPassword)
	case strings.ContainsFunc(password, func(r rune) bool { return r < ' ' || r == 0x7f || r == utf8.RuneError }):
		return "", errors.New("a password is UTF-8 without control characters")
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	sum := argon2.IDKey([]byte(password), salt, argonPasses, argonMemory, argonThreads, 32)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", argonMemory, argonPasses, argonThreads, b64.EncodeToString(salt), b64.EncodeToString(sum)), nil
}

// compare orders costs, anyhow but always the same.
func (c cost) compare(o cost) int {
	return cmp.Or(cmp.Compare(c.bcrypt, o.bcrypt), cmp.Compare(c.memory, o.memory), cmp.Compare(c.passes, o.passes),
		cmp.Compare(c.threads, o.threads), cmp.Compare(c.size, o.size))
}

// Quick says that so little is asked of who checks a password against h that many can be tried.
func (h *Hash) Quick() bool { return h.cost.bcrypt > 0 && h.cost.bcrypt < 8 }

// matches says whether password is the one of h. It takes as long for any password.
func (h *Hash) matches(password []byte) bool {
	if h.cost.bcrypt > 0 {
		fits := len(password) <= maxBcryptPassword
		return bcrypt.CompareHashAndPassword([]byte(h.text), password[:min(len(password), maxBcryptPassword)]) == nil && fits
	}
	sum := argon2.IDKey(password, h.salt, h.cost.passes, h.cost.memory, h.cost.threads, uint32(h.cost.size))
	return subtle.ConstantTimeCompare(sum, h.sum) == 1
}

// dummy returns a hash of that cost that no password has.
func (c cost) dummy() *Hash {
	if c.bcrypt > 0 {
		var b [40]byte
		_, _ = rand.Read(b[:]) // never fails
		text := strings.ReplaceAll(base64.RawStdEncoding.EncodeToString(b[:]), "+", ".")
		return &Hash{text: fmt.Sprintf("$2a$%02d$%s", c.bcrypt, text[:53]), cost: c}
	}
	h := &Hash{cost: c, salt: make([]byte, 16), sum: make([]byte, c.size)}
	_, _ = rand.Read(h.salt)
	_, _ = rand.Read(h.sum)
	return h
}

// UnmarshalNode reads a hash out of the document.
func (h *Hash) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	if n.Kind == schema.List || n.Kind == schema.Map || !n.Literal && strings.Contains(n.Text, "${") {
		errs.Add(n, path, "write the hash of a password as text; it is read at load, so it cannot depend on requests")
		return errs
	}
	n.Hashed = true
	read, err := ParseHash(n.Text)
	if err != nil {
		errs.Add(n, path, "%v", err)
		return errs
	}
	*h = *read
	return nil
}

// JSONSchema says that it is text.
func (h *Hash) JSONSchema() map[string]any { return map[string]any{"type": "string"} }

// SchemaKind is the type's name in the reference.
func (h *Hash) SchemaKind() string { return "hash of a password" }

// String shows nothing of h.
func (h *Hash) String() string { return "•••" }
