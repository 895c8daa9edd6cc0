package jwt

// What is remembered of tokens that were checked. A token is known by a keyed hash of all of it, so that no token lies in memory.

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
)

const cacheShards = 16

// A tag stands for a token: its GMAC under a key that nobody else has. That is a universal hash of 128 bits: whoever does not know the key
// finds two tokens of one tag with a probability of about 2^-118 for each pair that they try.
type tag [16]byte

// A cache remembers tokens by their tags. When it is full, one that was not used of late makes way.
type cache struct {
	mac     cipher.AEAD
	most    int   // tokens of a shard; 0 for a cache that remembers nothing
	bytes   int64 // of a shard
	scratch sync.Pool
	shards  [cacheShards]cacheShard
}

type cacheShard struct {
	mu    sync.RWMutex // guards what follows
	at    map[tag]*entry
	ring  []*entry // in the order of a clock's face, whose hand is next
	next  int
	bytes int64
	_     [40]byte
}

// An entry is one token.
type entry struct {
	tag   tag
	token *verified
	used  atomic.Bool // since the hand last came by
	place int         // in the ring; guarded by the mu of the shard
}

// A scratch is room to make a tag in.
type scratch struct {
	text []byte
	tag  [16]byte
}

func newCache(tokens int, bytes int64) *cache {
	key := make([]byte, 16)
	_, _ = rand.Read(key) // it never fails
	block, _ := aes.NewCipher(key)
	mac, _ := cipher.NewGCM(block)
	c := &cache{mac: mac, most: (tokens + cacheShards - 1) / cacheShards, bytes: bytes / cacheShards}
	c.scratch.New = func() any { return &scratch{text: make([]byte, 0, 2048)} }
	for i := range c.shards {
		c.shards[i].at = map[tag]*entry{}
	}
	return c
}

// nonce is the same each time, which is as good as none: no tag leaves the process.
var nonce = make([]byte, 12)

// tagOf makes the tag of a token.
func (c *cache) tagOf(token string) tag {
	s := c.scratch.Get().(*scratch)
	s.text = append(s.text[:0], token...)
	c.mac.Seal(s.tag[:0], nonce, nil, s.text)
	t := tag(s.tag)
	clear(s.text) // the token itself stays nowhere
	c.scratch.Put(s)
	return t
}

func (c *cache) shard(t tag) *cacheShard { return &c.shards[t[0]%cacheShards] }

// get returns the token of a tag, nil when it is not remembered.
func (c *cache) get(t tag) *verified {
	if c.most == 0 {
		return nil
	}
	sh := c.shard(t)
	sh.mu.RLock()
	e := sh.at[t]
	sh.mu.RUnlock()
	if e == nil {
		return nil
	}
	if !e.used.Load() {
		e.used.Store(true)
	}
	return e.token
}

// put remembers a token.
func (c *cache) put(t tag, v *verified, now int64) {
	if c.most == 0 || v.size > c.bytes {
		return
	}
	sh := c.shard(t)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.at[t] != nil {
		return // another request was as fast
	}
	sh.sweep(now)
	for len(sh.ring) > 0 && (len(sh.ring) >= c.most || sh.bytes+v.size > c.bytes) {
		sh.evict()
	}
	e := &entry{tag: t, token: v, place: len(sh.ring)}
	sh.at[t] = e
	sh.ring = append(sh.ring, e)
	sh.bytes += v.size
}

// sweep looks at two tokens and drops those that have expired: so all of them go, sooner or later, as others come. The caller holds mu.
func (sh *cacheShard) sweep(now int64) {
	for range 2 {
		if len(sh.ring) == 0 {
			return
		}
		sh.next %= len(sh.ring)
		if sh.ring[sh.next].token.until <= now {
			sh.remove(sh.next)
		} else {
			sh.next++
		}
	}
}

// evict drops the next token that was not used since the hand last came by. The caller holds mu.
func (sh *cacheShard) evict() {
	for {
		sh.next %= len(sh.ring)
		if e := sh.ring[sh.next]; !e.used.Swap(false) {
			sh.remove(sh.next)
			return
		}
		sh.next++
	}
}

// remove takes the token at i off the face; the last one takes its place. The caller holds mu.
func (sh *cacheShard) remove(i int) {
	e, last := sh.ring[i], len(sh.ring)-1
	delete(sh.at, e.tag)
	sh.bytes -= e.token.size
	sh.ring[i] = sh.ring[last]
	sh.ring[i].place = i
	sh.ring[last] = nil
	sh.ring = sh.ring[:last]
}

// heads are headers of tokens that were good. They are few, as an issuer has one for each of its keys and sorts of tokens.
type heads struct {
	known atomic.Pointer[map[string]*head]
}

const maxHeads = 64

// get returns the header that is written like this, nil when it is not known.
func (h *heads) get(part string) *head {
	if known := h.known.Load(); known != nil {
		return (*known)[part]
	}
	return nil
}

// put keeps a header. When two come at once, one comes again.
func (h *heads) put(part string, one *head) {
	old := h.known.Load()
	next := map[string]*head{}
	if old != nil && len(*old) < maxHeads {
		next = maps.Clone(*old)
	}
	next[strings.Clone(part)] = one // not the whole token
	h.known.CompareAndSwap(old, &next)
}

// drop forgets a token.
func (c *cache) drop(t tag) {
	if c.most == 0 {
		return
	}
	sh := c.shard(t)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if e := sh.at[t]; e != nil {
		sh.remove(e.place)
	}
}
