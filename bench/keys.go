package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"sallyport/identity"
	"sallyport/store"
	"sallyport/store/sqlite"
)

// This file is a store with a million keys, as the gateway would have made them one by one.

const keys = 1_000_000

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// keyOf is the key of that number: as long as others and as good, but known here.
func keyOf(n int) string {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n)))
	b := []byte("sp_")
	for _, c := range sum {
		b = append(b, digits[int(c)%len(digits)])
	}
	return string(b) + digitsOf(crc32.ChecksumIEEE(b))
}

// digitsOf is sum in six digits.
func digitsOf(sum uint32) string {
	var b [6]byte
	for i := range b {
		b[5-i] = digits[sum%62]
		sum /= 62
	}
	return string(b[:])
}

// manyKeys makes the store, once.
func manyKeys(dir string) (err error) {
	file := filepath.Join(dir, "keys", "sallyport.db")
	if sqlite.Exists(file) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	s, err := sqlite.Create(context.Background(), file, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() {
		if e := s.Close(); err == nil {
			err = e
		}
	}()
	const batch = 10_000
	now := time.Now().UTC().Truncate(time.Millisecond)
	for from := 0; from < keys; from += batch {
		var c store.Change
		for n := from; n < from+batch; n++ {
			if n%1000 == 0 {
				c.Put.Consumers = append(c.Put.Consumers, store.ConsumerRecord{Name: fmt.Sprint("consumer-", n/1000), Created: now, Updated: now})
			}
			key := keyOf(n)
			rec := store.KeyRecord{ID: fmt.Sprintf("k_%012d", n), Consumer: fmt.Sprint("consumer-", n/1000), Prefix: key[:11], Created: now}
			m := hmac.New(sha256.New, s.Pepper())
			_, _ = m.Write([]byte(key))
			m.Sum(rec.Hash[:0])
			c.Put.Keys = append(c.Put.Keys, rec)
		}
		if err := s.Apply(context.Background(), c); err != nil {
			return err
		}
	}
	return nil
}

const password = "open sesame"

// basicConsumer is a consumer of the document with that password.
func basicConsumer() string {
	hash, err := identity.HashPassword(password)
	if err != nil {
		panic(err)
	}
	return "consumers:\n  - { name: acme, credentials: [ { basic: { username: acme, password_hash: '" + hash + "' } } ] }\n"
}
