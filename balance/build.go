package balance

// build makes the upstream of that name. The registry's mu is held.
func (s *Set) build(name string, c *Config) *Upstream {
	u := &Upstream{
		name:     name,
		registry: s.registry,
		settings: c,
		balance:  c.Balance,
		slow:     c.SlowStart,
		host:     c.Host,
		outliers: c.Outliers,
		timeouts: c.Timeouts,
		retry:    c.Retry.compile(),
		hedge:    c.Hedge.compile(s.lasting[name]),
		lasting:  s.lasting[name],
		sources:  map[sourceKey]*source{},
	}
	u.roster.Store(u.recruit(u.list(s.find(u)), s.endpoint))
	return u
}

// recruit makes a roster of the targets in list, whose endpoints come from find. The registry's mu is held.
func (u *Upstream) recruit(list []Target, find func(key) *endpoint) *roster {
	r := &roster{upstream: u}
	for i := range list {
		t := &list[i]
		if t.Weight == 0 {
			continue
		}
		r.targets = append(r.targets, &target{
			endpoint: find(u.key(t)),
			seat:     &seat{},
			guarded:  u.settings.CircuitBreaker,
			name:     t.address() + t.base(),
			url:      t.place(),
			base:     t.base(),
			host:     t.host(),
			tags:     t.Tags,
			named:    t.at != "",
			home:     r,
			step:     uint64(t.Weight),
			group:    r.group(t.Priority),
		})
	}
	r.form(u.balance.way == ConsistentHash)
	r.badges = u.settings.Sticky.badges(u.name, r.targets)
	if r.spared = int32(len(r.targets)); u.settings.Health != nil {
		r.spared = int32(float64(len(r.targets)) * (1 - u.settings.Health.Panic.Ratio()))
	}
	return r
}

// key is what the endpoint of t is found by.
func (u *Upstream) key(t *Target) key {
	c := u.settings
	return key{t.address(), u.speech(t), c.MaxConnections, pending(c.MaxPending), c.Timeouts.Idle}
}

// pending is max_pending as the engine has it, to which 0 means its own default.
func pending(n int) int {
	if n == 0 {
		return -1
	}
	return n
}
