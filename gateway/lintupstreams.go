package gateway

import (
	"slices"

	"sallyport/balance"
	"sallyport/schema"
)

// This file finds upstreams whose failures are made worse, or are not noticed.

func (b *builder) resilience() {
	for _, name := range b.names {
		c, n, path := b.doc.Upstreams[name], b.doc.Root.Field("upstreams").Field(name), schema.Join("upstreams", name)
		b.retries(c, n.Field("retry"), path+".retry")
		if s := c.Sticky; s != nil && s.Secret.Empty() {
			b.finds(guessableCookie, n.Field("sticky"), path+".sticky", "the cookie %s has no secret", s.Cookie)
		}
		if len(c.Targets) > 1 && c.Health == nil {
			b.finds(noHealth, n, path, "that one of its %d targets is ill shows only when a request fails there", len(c.Targets))
		}
		for i, t := range c.Targets {
			if items := n.Field("targets").List(); t.Weight == 0 && i < len(items) {
				b.finds(nothingShare, items[i], schema.Index(path+".targets", i), "its weight is 0, so that it gets no calls")
			}
		}
		if c.Outliers.MaxEjected == 0 && n.Field("outliers").Field("max_ejected") != nil {
			b.finds(neverOut, n.Field("outliers").Field("max_ejected"), path+".outliers.max_ejected", "a target that breaks every call stays in service")
		}
	}
}

// retries finds retries that do things twice, and those that make an overload worse.
func (b *builder) retries(c *balance.Config, n *schema.Node, path string) {
	if n == nil || c.Retry.Attempts == 0 {
		return
	}
	if each, all := c.Retry.PerTryTimeout, c.Timeouts.Total; each > 0 && all > 0 && each >= all {
		b.finds(neverComes, n.Field("per_try_timeout"), path+".per_try_timeout", "a try may take %s, and the call has ended after %s", schema.FormatDuration(each), schema.FormatDuration(all))
	}
	for _, m := range c.Retry.Methods {
		if slices.Contains([]string{"POST", "PATCH"}, m) {
			b.finds(unsafeRetry, n.Field("methods"), path+".methods", "a %s that the target has carried out already may be sent again", m)
			break
		}
	}
	if c.Retry.Budget > manyRetries {
		b.finds(bigBudget, n.Field("budget"), path+".budget", "retries may be %v of the calls, which keeps a target down that went down under load", c.Retry.Budget)
	}
}

// manyRetries is from which share on retries are a load of their own.
const manyRetries schema.Percent = 50
