package store

// Look says what goes on for key, and which limit holds for it, and changes nothing.
func (g *Gates) Look(key Key, b *Bound) (busy, waiting, limit int) {
	sh := g.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	gate := sh.at[key]
	if gate == nil {
		return 0, 0, (&Gate{bound: *b}).looked(b)
	}
	return gate.busy, gate.queue.n, gate.looked(b)
}

// looked is what the limit would be for somebody who comes with b.
func (g *Gate) looked(b *Bound) int {
	seen := *g
	seen.take(b)
	return seen.limit()
}
