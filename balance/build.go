package balance

// build makes the upstream of that name. The registry's mu is held.
func (s *Set) build(name string, c *Config) *Upstream {
	u := &Upstream{
		name:     name,
		registry: s.registry,
		balance:  c.Balance,
		host:     c.Host,
		outliers: c.Outliers,
		timeouts: c.Timeouts,
		turn:     s.turns[name],
		even:     true,
	}
	for i := range c.Targets {
		t := &c.Targets[i]
		if t.Weight == 0 {
			continue
		}
		u.weight += uint64(t.Weight)
		u.heaviest = max(u.heaviest, uint64(t.Weight))
		u.even = u.even && t.Weight == c.Targets[0].Weight
		u.targets = append(u.targets, &target{
			endpoint: s.endpoint(key{t.address(), c.MaxConnections, pending(c.MaxPending), c.Timeouts.Idle}),
			index:    len(u.targets),
			name:     t.address() + t.base(),
			url:      "http://" + t.host() + t.base(),
			base:     t.base(),
			host:     t.host(),
			tags:     t.Tags,
			step:     uint64(t.Weight),
			upTo:     u.weight,
		})
	}
	for i, t := range u.targets {
		t.share = float64(t.step) * float64(len(u.targets)) / float64(u.weight)
		t.shift = u.heaviest * uint64(i) / uint64(len(u.targets))
	}
	return u
}

// pending is max_pending as the engine has it, to which 0 means its own default.
func pending(n int) int {
	if n == 0 {
		return -1
	}
	return n
}
