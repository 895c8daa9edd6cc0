package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"sallyport/store"
)

// Load returns everything that is in the store, as of one moment, but for the keys, of which there may be so many that they are handed to key, one at a
// time: what a record refers to is key's, the record is not.
func (s *Store) Load(ctx context.Context, key func(*store.KeyRecord)) (*store.Records, error) {
	s.write.Lock()
	defer s.write.Unlock()
	if s.db == nil {
		return nil, ErrClosed
	}
	r := new(store.Records)
	if err := s.load(ctx, r, key); err != nil {
		return nil, fmt.Errorf("read the store %s: %w", s.file, explained(err))
	}
	return r, nil
}

func (s *Store) load(ctx context.Context, r *store.Records, key func(*store.KeyRecord)) error {
	for _, read := range []func(context.Context, *store.Records) error{s.loadConsumers, s.loadCredentials, s.loadPlans, s.loadRevocations} {
		if err := read(ctx, r); err != nil {
			return err
		}
	}
	return s.loadKeys(ctx, key)
}

// each calls read for each row of an answer.
func (s *Store) each(ctx context.Context, query string, read func(*sql.Rows) error) error {
	rows, err := s.db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := read(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (s *Store) loadConsumers(ctx context.Context, r *store.Records) error {
	return s.each(ctx, "SELECT name, plan, tags, created, updated FROM consumers ORDER BY name", func(rows *sql.Rows) error {
		var c store.ConsumerRecord
		err := rows.Scan(&c.Name, &c.Plan, (*list)(&c.Tags), (*instant)(&c.Created), (*instant)(&c.Updated))
		r.Consumers = append(r.Consumers, c)
		return err
	})
}

func (s *Store) loadKeys(ctx context.Context, key func(*store.KeyRecord)) error {
	var k store.KeyRecord
	names := map[string]string{} // many keys are of one consumer
	const query = `SELECT id, consumer, label, prefix, hash, allow_ips, routes, created, expires, revoked, replaces, last
		FROM keys LEFT JOIN uses ON key = id ORDER BY id`
	return s.each(ctx, query, func(rows *sql.Rows) error {
		k = store.KeyRecord{}
		err := rows.Scan(&k.ID, &k.Consumer, &k.Label, &k.Prefix, (*digest)(&k.Hash), (*networks)(&k.AllowIPs), (*list)(&k.Routes),
			(*instant)(&k.Created), (*instant)(&k.Expires), (*instant)(&k.Revoked), &k.Replaces, (*instant)(&k.LastUsed))
		if name, known := names[k.Consumer]; known {
			k.Consumer = name
		} else {
			names[k.Consumer] = k.Consumer
		}
		if err == nil {
			key(&k)
		}
		return err
	})
}

func (s *Store) loadCredentials(ctx context.Context, r *store.Records) error {
	return s.each(ctx, "SELECT id, consumer, kind, settings, created FROM credentials ORDER BY id", func(rows *sql.Rows) error {
		var c store.CredentialRecord
		err := rows.Scan(&c.ID, &c.Consumer, &c.Kind, &c.Settings, (*instant)(&c.Created))
		r.Credentials = append(r.Credentials, c)
		return err
	})
}

func (s *Store) loadPlans(ctx context.Context, r *store.Records) error {
	return s.each(ctx, "SELECT name, settings, created, updated FROM plans ORDER BY name", func(rows *sql.Rows) error {
		var p store.PlanRecord
		err := rows.Scan(&p.Name, &p.Settings, (*instant)(&p.Created), (*instant)(&p.Updated))
		r.Plans = append(r.Plans, p)
		return err
	})
}

func (s *Store) loadRevocations(ctx context.Context, r *store.Records) error {
	return s.each(ctx, "SELECT issuer, id, subject, before, until, created FROM revocations ORDER BY issuer, id, subject", func(rows *sql.Rows) error {
		var v store.RevocationRecord
		err := rows.Scan(&v.Issuer, &v.ID, &v.Subject, (*instant)(&v.Before), (*instant)(&v.Until), (*instant)(&v.Created))
		r.Revocations = append(r.Revocations, v)
		return err
	})
}
