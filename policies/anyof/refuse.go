package anyof

import (
	"slices"

	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

const challengeField = "WWW-Authenticate"

// refuse answers with the worst of the refusals. A 401 asks for the credentials of all alternatives.
func (t *try) refuse(x *policy.Exchange, r *refusal) (*wire.Response, error) {
	t.p.Clear(x.Request) // neither does the log get to see any
	x.Denied = r.denied
	if r.how == missing {
		t.p.denyMissing(x)
	} else if count := t.p.counts[policy.Denial{Policy: x.Denied.Policy, Reason: x.Denied.Reason}]; count != nil {
		count()
	}
	if r.resp != nil {
		if r.resp.Status == 401 {
			for _, h := range t.p.challenges(r.by, nil) {
				r.resp.Header.Add(h[0], h[1])
			}
		}
		return r.resp, nil
	}
	return nil, t.p.answer(r)
}

// answer is the problem of a refusal.
func (p *anyOf) answer(r *refusal) error {
	said := problem.From(r.err)
	switch {
	case r.how == missing:
		refused := problem.NoCredentials.New("")
		refused.Header = p.challenges(-1, r.err)
		return refused
	case said.Status != 401:
		return r.err
	}
	own := *said // one problem may be the answer to many requests
	own.Header = slices.Concat(said.Header, p.challenges(r.by, nil))
	return &own
}

// challenges are those of all alternatives but one, and what an error has of its own.
func (p *anyOf) challenges(but int, err error) (list [][2]string) {
	add := func(challenge string) {
		if h := [2]string{challengeField, challenge}; challenge != "" && !slices.Contains(list, h) {
			list = append(list, h)
		}
	}
	for i, a := range p.all {
		if i != but {
			for _, c := range a.challenges {
				add(c)
			}
		}
	}
	if err == nil || len(list) > 0 {
		return list
	}
	for _, h := range problem.From(err).Header {
		if h[0] == challengeField {
			add(h[1])
		}
	}
	return list
}
