package identity

import (
	"cmp"
	"iter"
	"math/bits"
	"slices"
	"sync/atomic"
)

// An index finds keys by a number that is as good as random: the beginning of a digest, or the hash of an ID. It is read without a lock. It has
// many small sorted parts, of which a change copies one: with a million keys, 16 MiB that hold them and about a kilobyte a change.
type index struct {
	parts [indexParts]atomic.Pointer[[]slot]
}

const (
	indexBits  = 14
	indexParts = 1 << indexBits
)

// A slot is one key and its number.
type slot struct {
	number uint64
	key    *key
}

// newIndex makes an index of what there is at the start; it sorts all.
func newIndex(all []slot) *index {
	x := &index{}
	slices.SortFunc(all, func(a, b slot) int { return cmp.Compare(a.number, b.number) })
	for from := 0; from < len(all); {
		to, part := from, partOf(all[from].number)
		for to < len(all) && partOf(all[to].number) == part {
			to++
		}
		slots := all[from:to:to]
		x.parts[part].Store(&slots)
		from = to
	}
	return x
}

func partOf(number uint64) uint64 { return number >> (64 - indexBits) }

// find yields the keys of a number. Hardly ever are there two.
func (x *index) find(number uint64) []slot {
	part := x.parts[partOf(number)].Load()
	if part == nil {
		return nil
	}
	at := search(*part, number)
	to := at
	for to < len(*part) && (*part)[to].number == number {
		to++
	}
	return (*part)[at:to]
}

// search returns the first place at or behind number. Numbers are spread evenly, so it is near where it is to be expected: one look at memory that is
// far, where halving would take several.
func search(part []slot, number uint64) int {
	high, _ := bits.Mul64(number<<indexBits, uint64(len(part)))
	at := int(high) //nolint:gosec // below len(part)
	for at < len(part) && part[at].number < number {
		at++
	}
	for at > 0 && part[at-1].number >= number {
		at--
	}
	return at
}

// put adds a key, in the place of old if that is not nil. Only one may change an index at a time.
func (x *index) put(number uint64, k, old *key) {
	var part []slot
	if now := x.parts[partOf(number)].Load(); now != nil {
		part = *now
	}
	at := search(part, number)
	for i := at; old != nil && i < len(part) && part[i].number == number; i++ {
		if part[i].key == old {
			part = slices.Clone(part)
			part[i].key = k
			x.parts[partOf(number)].Store(&part)
			return
		}
	}
	next := make([]slot, 0, len(part)+1)
	next = append(append(append(next, part[:at]...), slot{number, k}), part[at:]...)
	x.parts[partOf(number)].Store(&next)
}

// drop takes a key out.
func (x *index) drop(number uint64, k *key) {
	part := x.parts[partOf(number)].Load()
	if part == nil {
		return
	}
	next := slices.DeleteFunc(slices.Clone(*part), func(s slot) bool { return s.number == number && s.key == k })
	x.parts[partOf(number)].Store(&next)
}

// all yields every key, in no order.
func (x *index) all() iter.Seq[*key] {
	return func(yield func(*key) bool) {
		for i := range x.parts {
			part := x.parts[i].Load()
			if part == nil {
				continue
			}
			for _, s := range *part {
				if !yield(s.key) {
					return
				}
			}
		}
	}
}
