package identity

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"sallyport/policy"
	"sallyport/schema"
	"sallyport/store"
)

// A Book is what one document and the store know together. Where both have one of a name, the document's counts. It does not change, but
// for what the store has.
type Book struct {
	registry     *Registry
	consumers    map[string]*policy.Consumer
	plans        map[string]*Plan
	keys         map[[sha256.Size]byte]*declaredKey
	users        map[string]*Account
	claims       map[claim]string // consumers, as in the next
	certificates map[certificate]string
	claimNames   map[string][]string // by issuer, in the order of the document
	declared     declared
}

// A declaredKey is an API key of the document.
type declaredKey struct {
	id       string
	consumer *policy.Consumer
	expires  time.Time
	allowIPs []netip.Prefix
	routes   []string
}

// EmptyBook knows nobody.
func EmptyBook(r *Registry) *Book {
	b, _ := NewBook(nil, nil, nil, r)
	return b
}

// NewBook makes a book of the consumers and plans of a document, whose root is given for the places of what is wrong with them.
func NewBook(consumers []Consumer, plans map[string]PlanSettings, root *schema.Node, r *Registry) (*Book, schema.Errors) {
	b := &Book{
		registry: r, consumers: map[string]*policy.Consumer{}, plans: map[string]*Plan{}, keys: map[[sha256.Size]byte]*declaredKey{},
		users: map[string]*Account{}, claims: map[claim]string{}, certificates: map[certificate]string{}, claimNames: map[string][]string{},
	}
	m := bookMaker{Book: b, root: root, places: map[any]*schema.Node{}}
	for name, s := range plans {
		m.plan(name, s)
	}
	for i := range consumers {
		m.consumer(&consumers[i], root.Field("consumers"), i)
	}
	slices.SortFunc(b.declared.plans, func(a, b store.PlanRecord) int { return compareNames(a.Name, b.Name) })
	m.errs.Sort()
	return b, m.errs
}

// A bookMaker finds what is wrong with a document's consumers and plans.
type bookMaker struct {
	*Book
	root   *schema.Node
	places map[any]*schema.Node // of what may be there once
	errs   schema.Errors
}

func (m *bookMaker) plan(name string, s PlanSettings) {
	n, path := m.root.Field("plans").Field(name), schema.Join("plans", name)
	if err := checkName(name); err != nil {
		m.errs.Add(n, path, "%v", err)
	}
	if err := checkPlan(&s); err != nil {
		m.errs.Add(n.Field("rate_limit"), path+".rate_limit", "%v", err)
	}
	m.declared.plans = append(m.declared.plans, store.PlanRecord{Name: name, Settings: schema.AppendJSON(nil, n)})
	m.plans[name] = newPlan(name, s)
}

// once reports a second one of the same.
func (m *bookMaker) once(key any, n *schema.Node, path, format string, args ...any) bool {
	if first := m.places[key]; first != nil {
		m.errs.Add(n, path, "%s at %s as well; remove one of the two", fmt.Sprintf(format, args...), first.Pos)
		return false
	}
	if n != nil {
		m.places[key] = n
	}
	return true
}

func (m *bookMaker) consumer(c *Consumer, list *schema.Node, i int) {
	n, path := list.List()[i], schema.Index("consumers", i)
	if c.Name == "" || !m.once(c.Name, n.Field("name"), path+".name", "the consumer %q stands", c.Name) {
		return
	}
	one := &policy.Consumer{Name: c.Name, Plan: c.Plan, Tags: c.Tags}
	m.consumers[c.Name] = one
	if c.Plan != "" && m.Plan(c.Plan) == nil && !m.registry.unread.Load() {
		hint := ""
		if near := schema.Nearest(c.Plan, m.PlanNames()); near != "" {
			hint = fmt.Sprintf("; did you mean %q?", near)
		}
		m.errs.Add(n.Field("plan"), path+".plan", "there is no plan %q, here or in the store%s", c.Plan, hint)
	}
	for j := range c.Credentials {
		m.credential(one, &c.Credentials[j], n.Field("credentials").List()[j], schema.Index(path+".credentials", j), j)
	}
}

func (m *bookMaker) credential(one *policy.Consumer, c *Credential, n *schema.Node, path string, j int) {
	const taken = "this credential, which tells one consumer, stands"
	id := fmt.Sprintf("%s#%d", one.Name, j+1)
	for _, kind := range []string{"basic", "jwt", "certificate"} {
		if settings := n.Field(kind); settings != nil {
			m.declare(id, one.Name, kind, settings)
		}
	}
	switch {
	case c.APIKey != nil:
		sum := sha256.Sum256([]byte(c.APIKey.Value.Reveal()))
		if c.APIKey.Value.Empty() {
			sum = c.APIKey.Hash.sum
		}
		if c.APIKey.Value.Empty() && !c.APIKey.Hash.given {
			return // decoding has said so
		}
		if m.once(sum, n, path, taken) {
			m.keys[sum] = &declaredKey{id, one, c.APIKey.Expires.Time, c.APIKey.AllowIPs, c.APIKey.Routes}
		}
	case c.Basic != nil:
		if m.once([2]string{"user", c.Basic.Username}, n, path, taken) {
			m.users[c.Basic.Username] = &Account{Name: c.Basic.Username, Hash: &c.Basic.PasswordHash, Consumer: one}
		}
	case c.JWT != nil:
		if m.once(c.JWT.key(), n, path, taken) {
			m.claims[c.JWT.key()] = one.Name
			if names := m.claimNames[c.JWT.Issuer]; !slices.Contains(names, c.JWT.Claim) {
				m.claimNames[c.JWT.Issuer] = append(names, c.JWT.Claim)
			}
		}
	case c.Certificate != nil:
		if m.once(c.Certificate.key(), n, path, taken) {
			m.certificates[c.Certificate.key()] = one.Name
		}
	}
}

// Consumer returns the consumer of that name, nil when there is none.
func (b *Book) Consumer(name string) *policy.Consumer {
	if c := b.consumers[name]; c != nil {
		return c
	}
	if h, found := b.registry.roll.Load().holders.find(name); found {
		return h.consumer.Load()
	}
	return nil
}

// Plan returns the plan of that name, nil when there is none.
func (b *Book) Plan(name string) *Plan {
	if p := b.plans[name]; p != nil {
		return p
	}
	if p, found := b.registry.roll.Load().plans.find(name); found {
		return p.plan
	}
	return nil
}

// PlanNames are those of the document and the store, sorted.
func (b *Book) PlanNames() []string {
	all := names(b.registry.roll.Load().plans)
	for name := range b.plans {
		all = append(all, name)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Registry is what the store knows.
func (b *Book) Registry() *Registry { return b.registry }

// Declared are the consumers of the document, by name.
func (b *Book) Declared() []*policy.Consumer {
	var out []*policy.Consumer
	for _, c := range b.consumers {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b *policy.Consumer) int { return compareNames(a.Name, b.Name) })
	return out
}

// Revoked says whether a token of an issuer is taken back: by its ID, or since all of its subject that were issued by some time are.
func (b *Book) Revoked(issuer, id, subject string, issued time.Time) bool {
	return b.registry.roll.Load().revoked(issuer, id, subject, issued)
}
