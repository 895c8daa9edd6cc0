package identity

import (
	"cmp"
	"slices"
	"sync/atomic"
)

// An index finds the spots of keys by a number that is as good as random: the beginning of a digest, or the hash of an ID. It is read without a lock. It
// has many small sorted parts, of which a change copies one: with a million keys, 8 MiB that hold them and half a kilobyte a change. The first bits of
// a number tell the part, the next 32 where in it; two numbers that are the same so far are told apart by who asks.
type index struct {
	parts [indexParts]atomic.Pointer[[]slot]
}

const (
	indexBits  = 14
	indexParts = 1 << indexBits
)

// A slot is where one key is.
type slot struct{ number, spot uint32 }

func split(number uint64) (part uint64, within uint32) {
	return number >> (64 - indexBits), uint32(number << indexBits >> 32) //nolint:gosec // 32 bits are left
}

// fill puts in what there is at the start: n spots, each with its number.
func (x *index) fill(n uint32, number func(spot uint32) uint64) {
	if n == 0 {
		return
	}
	ends := make([]uint32, indexParts+1) // where each part begins, and then how far it is filled
	for spot := range n {
		part, _ := split(number(spot))
		ends[part+1]++
	}
	for i := range indexParts {
		ends[i+1] += ends[i]
	}
	all, parts := make([]slot, n), make([][]slot, indexParts)
	for i := range parts {
		parts[i] = all[ends[i]:ends[i+1]:ends[i+1]]
	}
	for spot := range n {
		part, within := split(number(spot))
		all[ends[part]] = slot{within, spot}
		ends[part]++
	}
	for i := range parts {
		slices.SortFunc(parts[i], func(a, b slot) int { return cmp.Compare(a.number, b.number) })
		x.parts[i].Store(&parts[i])
	}
}

// find yields the spots that a key of a number can be in. Hardly ever are there two.
func (x *index) find(number uint64) []slot {
	at, within := split(number)
	part := x.parts[at].Load()
	if part == nil {
		return nil
	}
	from := search(*part, within)
	to := from
	for to < len(*part) && (*part)[to].number == within {
		to++
	}
	return (*part)[from:to]
}

// search returns the first slot at or behind number. Numbers are spread evenly, so it is near where it is to be expected: one look at memory that is
// far, where halving would take several.
func search(part []slot, number uint32) int {
	at := int(uint64(number) * uint64(len(part)) >> 32) //nolint:gosec // below len(part)
	for at < len(part) && part[at].number < number {
		at++
	}
	for at > 0 && part[at-1].number >= number {
		at--
	}
	return at
}

// put adds a spot. Only one may change an index at a time.
func (x *index) put(number uint64, spot uint32) {
	at, within := split(number)
	var part []slot
	if now := x.parts[at].Load(); now != nil {
		part = *now
	}
	i := search(part, within)
	next := make([]slot, 0, len(part)+1)
	next = append(append(append(next, part[:i]...), slot{within, spot}), part[i:]...)
	x.parts[at].Store(&next)
}

// drop takes a spot out.
func (x *index) drop(number uint64, spot uint32) {
	at, _ := split(number)
	part := x.parts[at].Load()
	if part == nil {
		return
	}
	next := slices.DeleteFunc(slices.Clone(*part), func(s slot) bool { return s.spot == spot })
	x.parts[at].Store(&next)
}
