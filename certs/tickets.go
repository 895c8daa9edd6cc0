package certs

import (
	"crypto/rand"
	"sync"
	"time"
)

// Tickets are the keys under which clients keep their sessions, to resume them later. They outlive documents, and belong to one
// listener's terms: what was agreed on under one set of terms must not hold under another.
type Tickets struct {
	mu   sync.Mutex
	keys []ticketKey // newest first; guarded by mu
}

type ticketKey struct {
	key  [32]byte
	made time.Time
}

// A key seals new tickets for a day and opens them for a week: whoever steals one can read the resumed sessions of that
// time alone, as far as those did without a new key exchange.
const (
	ticketFresh = 24 * time.Hour
	ticketLife  = 7 * 24 * time.Hour
)

// turn returns the keys to use from now on, and when to ask again.
func (t *Tickets) turn(now time.Time) (keys [][32]byte, next time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.keys) == 0 || now.Sub(t.keys[0].made) >= ticketFresh {
		k := ticketKey{made: now}
		_, _ = rand.Read(k.key[:]) // it ends the program rather than fail
		t.keys = append([]ticketKey{k}, t.keys...)
	}
	for len(t.keys) > 1 && now.Sub(t.keys[len(t.keys)-1].made) >= ticketLife {
		t.keys = t.keys[:len(t.keys)-1]
	}
	for _, k := range t.keys {
		keys = append(keys, k.key)
	}
	return keys, t.keys[0].made.Add(ticketFresh)
}
