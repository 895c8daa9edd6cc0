package identity

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"
)

// digests hashes keys with the pepper. What that takes is pooled: the pepper is worked in once for each.
type digests struct{ pool sync.Pool }

// A digester hashes one text at a time.
type digester struct {
	hash hash.Hash
	text [maxKey]byte
	sum  [sha256.Size]byte
}

func newDigests(pepper []byte) *digests {
	d := &digests{}
	d.pool.New = func() any { return &digester{hash: hmac.New(sha256.New, pepper)} }
	return d
}

// of returns the hash of text, which has at most maxKey bytes. No copy of text stays.
func (d *digests) of(text string) (sum [sha256.Size]byte) {
	g := d.pool.Get().(*digester)
	n := copy(g.text[:], text)
	g.hash.Reset()
	_, _ = g.hash.Write(g.text[:n])
	g.hash.Sum(g.sum[:0])
	sum = g.sum
	clear(g.text[:n])
	d.pool.Put(g)
	return sum
}
