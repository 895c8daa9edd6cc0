package identity

import (
	"sync/atomic"

	"sallyport/policy"
)

// This file is users: who shows a name and a password.

// An Account is a user name and its password as it is kept. It does not change.
type Account struct {
	Name     string
	Hash     *Hash
	Consumer *policy.Consumer // whose it is, nil for nobody's
	Orphaned bool             // it was a consumer's, who is gone
}

// Account is that of a consumer with the user name, the document's or else the store's.
func (b *Book) Account(user []byte) (a Account, found bool) {
	if u := b.users[string(user)]; u != nil {
		return *u, true
	}
	c, found := b.registry.roll.Load().users.find(string(user))
	if !found {
		return a, false
	}
	s := c.settings.Basic
	consumer := b.Consumer(c.Consumer)
	return Account{s.Username, &s.PasswordHash, consumer, consumer == nil}, true
}

// Passwords checks passwords, for the whole process.
func (b *Book) Passwords() *Passwords { return b.registry.passwords }

// Strangers are dummies for users whom nobody knows, that go with users who change.
type Strangers struct {
	book      *Book
	consumers bool
	more      []*Hash
	last      atomic.Pointer[strangers]
}

// strangers are dummies, and the hashes of the store that they were made for.
type strangers struct {
	stored  *[]*Hash
	dummies *Dummies
}

// Strangers returns dummies that go with users of these hashes and, with consumers, those of the book.
func (b *Book) Strangers(consumers bool, more []*Hash) *Strangers {
	s := &Strangers{book: b, consumers: consumers, more: more}
	if consumers {
		for _, u := range b.users {
			s.more = append(s.more, u.Hash)
		}
	}
	return s
}

// Of returns the dummy for user.
func (s *Strangers) Of(user string) *Hash {
	stored := s.book.registry.roll.Load().hashes.Load()
	last := s.last.Load()
	if last == nil || s.consumers && last.stored != stored {
		all := s.more[:len(s.more):len(s.more)]
		if s.consumers {
			all = append(all, *stored...)
		}
		last = &strangers{stored, s.book.registry.passwords.Dummies(all)}
		s.last.Store(last)
	}
	return last.dummies.Of(user)
}

// rehash collects the hashes of the users of the store.
func (k *roll) rehash() {
	var all []*Hash
	for _, c := range k.users.all() {
		all = append(all, &c.settings.Basic.PasswordHash)
	}
	k.hashes.Store(&all)
}
