package sqlite

import "context"

// This file is the statements that write. A record that is put replaces the one of its name or ID.

const (
	putConsumer = `INSERT INTO consumers (name, plan, tags, created, updated) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET plan = excluded.plan, tags = excluded.tags, created = excluded.created, updated = excluded.updated`
	putKey = `INSERT INTO keys (id, consumer, label, prefix, hash, allow_ips, routes, created, expires, revoked, replaces) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET consumer = excluded.consumer, label = excluded.label, prefix = excluded.prefix, hash = excluded.hash,
		allow_ips = excluded.allow_ips, routes = excluded.routes, created = excluded.created, expires = excluded.expires, revoked = excluded.revoked,
		replaces = excluded.replaces`
	touchKey      = `INSERT INTO uses (key, last) SELECT id, ?2 FROM keys WHERE id = ?1 ON CONFLICT (key) DO UPDATE SET last = max(last, excluded.last)`
	putCredential = `INSERT INTO credentials (id, consumer, kind, settings, created) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET consumer = excluded.consumer, kind = excluded.kind, settings = excluded.settings, created = excluded.created`
	putPlan = `INSERT INTO plans (name, settings, created, updated) VALUES (?, ?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET settings = excluded.settings, created = excluded.created, updated = excluded.updated`
	putRevocation = `INSERT INTO revocations (issuer, id, subject, before, until, created) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (issuer, id, subject) DO UPDATE SET before = excluded.before, until = excluded.until, created = excluded.created`

	putMeta = "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"

	removeConsumer      = "DELETE FROM consumers WHERE name = ?"
	removeKeysOf        = "DELETE FROM keys WHERE consumer = ?"
	removeCredentialsOf = "DELETE FROM credentials WHERE consumer = ?"
	removeKey           = "DELETE FROM keys WHERE id = ?"
	removeCredential    = "DELETE FROM credentials WHERE id = ?"
	removePlan          = "DELETE FROM plans WHERE name = ?"
	removeRevocation    = "DELETE FROM revocations WHERE issuer = ? AND id = ? AND subject = ?"
)

var all = []string{
	putConsumer, putKey, touchKey, putCredential, putPlan, putRevocation, putMeta,
	removeConsumer, removeKeysOf, removeCredentialsOf, removeKey, removeCredential, removePlan, removeRevocation,
}

// prepare prepares all of them, once for as long as the store is open.
func (s *Store) prepare(ctx context.Context) error {
	for _, query := range all {
		st, err := s.db.PrepareContext(ctx, query)
		if err != nil {
			return err
		}
		s.statements[query] = st
	}
	return nil
}
