package store

import (
	"hash/maphash"
	"net/netip"
)

// A Key is what something is counted by, hashed with secrets of the process: no text of it is kept.
type Key struct{ a, b uint64 }

// Part spreads keys over n parts.
func (k Key) Part(n uint64) uint64 { return k.a % n }

// Keys makes keys. All of one State make the same ones.
type Keys struct{ seeds [4]maphash.Seed }

func newKeys() *Keys {
	k := &Keys{}
	for i := range k.seeds {
		k.seeds[i] = maphash.MakeSeed()
	}
	return k
}

// KeyText returns the key of a text.
func (k *Keys) KeyText(text string) Key {
	return Key{maphash.String(k.seeds[0], text), maphash.String(k.seeds[1], text)}
}

// KeyPair returns the key of two texts together. It is never that of two others, or of one.
func (k *Keys) KeyPair(a, b string) Key {
	var h maphash.Hash
	var sums [2]uint64
	for i := range sums {
		h.SetSeed(k.seeds[i])
		_, _ = h.WriteString(a)
		_ = h.WriteByte(0xff) // in no UTF-8
		_, _ = h.WriteString(b)
		sums[i] = h.Sum64()
	}
	return Key{sums[0], sums[1]}
}

// KeyAddr returns the key of a client: its IPv4 address, or the /64 of its IPv6 address, since that is what one
// subscriber has. It is never that of a text.
func (k *Keys) KeyAddr(a netip.Addr) Key {
	b := a.As16()
	n := len(b)
	if a.Is6() && !a.Is4In6() {
		n = 8
	}
	return Key{maphash.Bytes(k.seeds[2], b[:n]), maphash.Bytes(k.seeds[3], b[:n])}
}

// KeyAt returns the key of a text together with a client, who counts as in KeyAddr.
func (k *Keys) KeyAt(a netip.Addr, text string) Key {
	at := k.KeyAddr(a)
	var h maphash.Hash
	var sums [2]uint64
	for i := range sums {
		h.SetSeed(k.seeds[i])
		maphash.WriteComparable(&h, at)
		_, _ = h.WriteString(text)
		sums[i] = h.Sum64()
	}
	return Key{sums[0], sums[1]}
}
