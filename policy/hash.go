package policy

// Hashes by which requests with something in common are kept together. Nothing but an even spread is asked of them, and that they are
// the same in every process and version: other gateways must come to the same results.

// Hash is FNV-1a of s. Its bits are uneven; Mix spreads them.
func Hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// Mix spreads the bits of h (the finaliser of SplitMix64).
func Mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
