package identity

import "sallyport/policy"

// A BasicVerdict is what comes of a user name and password.
type BasicVerdict struct {
	Why      Why              // Unknown and Password are one to clients
	Consumer *policy.Consumer // nil when they are not good
}

// Basic says whose user name and password these are. To check a password takes long, on purpose; that it was right is remembered for a while.
// For a user that there is not it takes as long as for one that there is.
func (b *Book) Basic(username, password string) BasicVerdict {
	consumer, hash, found := b.user(username)
	if !found {
		hash = b.dummies().Of(username)
	}
	match := b.registry.passwords.Check(username, []byte(password), hash)
	switch {
	case match == Busy:
		return BasicVerdict{Why: Crowded}
	case !found:
		return BasicVerdict{Why: Unknown}
	case match != Right:
		return BasicVerdict{Why: Password}
	case consumer == nil:
		return BasicVerdict{Why: Orphaned}
	}
	return BasicVerdict{Consumer: consumer}
}

// user finds a user: the document's, or else the store's.
func (b *Book) user(username string) (consumer *policy.Consumer, hash *Hash, found bool) {
	if u := b.users[username]; u != nil {
		return u.consumer, u.hash, true
	}
	if c, found := b.registry.roll.Load().users.find(username); found {
		return b.Consumer(c.Consumer), &c.settings.Basic.PasswordHash, true
	}
	return nil, nil, false
}

// dummies stand for users that there are not, as long as the same ones are there.
func (b *Book) dummies() *Dummies {
	stored := b.registry.roll.Load().hashes.Load()
	if s := b.strangers.Load(); s != nil && s.stored == stored {
		return s.dummies
	}
	var all []*Hash
	for _, u := range b.users {
		all = append(all, u.hash)
	}
	s := &strangers{stored, b.registry.passwords.Dummies(append(all, *stored...))}
	b.strangers.Store(s)
	return s.dummies
}

// strangers are dummies, and the hashes of the store that they were made for.
type strangers struct {
	stored  *[]*Hash
	dummies *Dummies
}

// rehash collects the hashes of the users of the store.
func (k *roll) rehash() {
	var all []*Hash
	for _, c := range k.users.all() {
		all = append(all, &c.settings.Basic.PasswordHash)
	}
	k.hashes.Store(&all)
}

// Passwords checks passwords, for the whole process.
func (b *Book) Passwords() *Passwords { return b.registry.passwords }
