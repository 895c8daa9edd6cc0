package identity

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"runtime"
	"slices"
	"sync"
	"time"
)

// This file checks passwords against their hashes. Each check is slow on purpose, so few go on at once, those who wait are few
// and do not wait for long, and what was right once is remembered for a while.

// Passwords checks passwords, for the whole process.
type Passwords struct {
	slots   chan struct{} // one for each check that may go on
	waiting chan struct{} // one for each that may wait
	key     []byte
	macs    sync.Pool
	known   [shards]known
}

// Bounds of checking.
const (
	maxChecks   = 8  // at once, whatever cores there are: each may take 128 MiB
	maxWaiting  = 64 // for one of them
	maxWait     = 2 * time.Second
	maxPassword = 1024 // bytes

	shards     = 16
	maxKnown   = 4096 // a shard
	rememberIt = 5 * time.Minute
)

// A known shard holds which passwords were right, by the MAC of user, password and hash under a key that the process makes for
// itself, so that what is in memory says nothing of passwords, and a hash that is changed makes them unknown.
type known struct {
	mu    sync.RWMutex
	until map[[sha256.Size]byte]time.Time // guarded by mu
}

// A mac is what it takes to make one.
type mac struct {
	hash hash.Hash
	len  [8]byte
	sum  [sha256.Size]byte
	text [256]byte // room for what is written to hash
}

// NewPasswords returns a checker. Half of the cores may check.
func NewPasswords() *Passwords {
	p := &Passwords{
		slots:   make(chan struct{}, min(maxChecks, max(1, runtime.GOMAXPROCS(0)/2))),
		waiting: make(chan struct{}, maxWaiting),
		key:     make([]byte, sha256.BlockSize),
	}
	_, _ = rand.Read(p.key) // never fails
	p.macs.New = func() any { return &mac{hash: hmac.New(sha256.New, p.key)} }
	for i := range p.known {
		p.known[i].until = map[[sha256.Size]byte]time.Time{}
	}
	return p
}

// A Match is what a check of a password found.
type Match uint8

// What checks find.
const (
	Wrong Match = iota
	Right
	Busy // nobody could check: too many others are being checked
)

// Check says whether password is the one of h, for user. For a user whom nobody knows h is a dummy of what hashes cost otherwise,
// so that time tells nothing of who there is.
func (p *Passwords) Check(user string, password []byte, h *Hash) Match {
	if len(password) > maxPassword {
		return Wrong // for anybody
	}
	m := p.macs.Get().(*mac)
	defer p.macs.Put(m)
	m.of(user, password, h)
	shard := &p.known[m.sum[0]%shards]
	if shard.has(m.sum, time.Now()) {
		return Right
	}
	if !p.enter() {
		return Busy
	}
	defer p.leave()
	if shard.has(m.sum, time.Now()) { // somebody else was faster
		return Right
	}
	if !h.matches(password) {
		return Wrong
	}
	shard.learn(m.sum, time.Now())
	return Right
}

// enter waits for a slot, not for long. Who got one gives it back with leave.
func (p *Passwords) enter() bool {
	select {
	case p.slots <- struct{}{}:
		return true
	default:
	}
	select {
	case p.waiting <- struct{}{}:
		defer func() { <-p.waiting }()
	default:
		return false
	}
	late := time.NewTimer(maxWait)
	defer late.Stop()
	select {
	case p.slots <- struct{}{}:
		return true
	case <-late.C:
		return false
	}
}

func (p *Passwords) leave() { <-p.slots }

// of makes the MAC. Each field has its length in front, so that no two of them can be mistaken for two others.
func (m *mac) of(user string, password []byte, h *Hash) {
	m.hash.Reset()
	m.write(user)
	binary.BigEndian.PutUint64(m.len[:], uint64(len(password)))
	_, _ = m.hash.Write(m.len[:])
	_, _ = m.hash.Write(password)
	m.write(h.text)
	m.hash.Sum(m.sum[:0])
}

func (m *mac) write(text string) {
	binary.BigEndian.PutUint64(m.len[:], uint64(len(text)))
	_, _ = m.hash.Write(m.len[:])
	for len(text) > 0 {
		n := copy(m.text[:], text)
		_, _ = m.hash.Write(m.text[:n])
		text = text[n:]
	}
}

func (k *known) has(sum [sha256.Size]byte, now time.Time) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	until, ok := k.until[sum]
	return ok && now.Before(until)
}

func (k *known) learn(sum [sha256.Size]byte, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.until) >= maxKnown {
		for old, until := range k.until {
			if !now.Before(until) {
				delete(k.until, old)
			}
		}
	}
	for old := range k.until { // any, if all are fresh
		if len(k.until) < maxKnown {
			break
		}
		delete(k.until, old)
	}
	k.until[sum] = now.Add(rememberIt)
}

// Dummies stand for users whom nobody knows. Who is asked for again gets the same one, and each cost is as frequent among them
// as among those who are known.
type Dummies struct {
	key    []byte
	hashes []*Hash // sorted by cost, so that they are the same after a reload
}

// Dummies returns dummies for users with these hashes.
func (p *Passwords) Dummies(hashes []*Hash) *Dummies {
	d := &Dummies{key: p.key}
	made := map[cost]*Hash{}
	for _, h := range hashes {
		if made[h.cost] == nil {
			made[h.cost] = h.cost.dummy()
		}
		d.hashes = append(d.hashes, made[h.cost])
	}
	slices.SortStableFunc(d.hashes, func(a, b *Hash) int { return a.cost.compare(b.cost) })
	if len(d.hashes) == 0 {
		d.hashes = append(d.hashes, cost{memory: argonMemory, passes: argonPasses, threads: argonThreads, size: 32}.dummy())
	}
	return d
}

// Of returns the dummy for user.
func (d *Dummies) Of(user string) *Hash {
	m := hmac.New(sha256.New, d.key)
	_, _ = m.Write([]byte("dummy "))
	_, _ = m.Write([]byte(user))
	return d.hashes[binary.BigEndian.Uint64(m.Sum(nil))%uint64(len(d.hashes))]
}
