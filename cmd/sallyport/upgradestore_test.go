package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// keyed is the route that wants a key.
const keyed = "  - { match: /keyed, policies: [{ api_key: {} }], respond: { body: \"${consumer.name}\" } }\n"

// An order is something asked of the admin side with its token.
func (i *installed) order(admin, method, path, body string) (status int, answer []byte, err error) {
	i.t.Helper()
	token, err := os.ReadFile(filepath.Join(i.dir, "data", "admin.token"))
	if err != nil {
		return 0, nil, err
	}
	r, err := http.NewRequestWithContext(i.t.Context(), method, "http://"+admin+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	r.Header.Set("Content-Type", "application/json")
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	if resp.StatusCode == 503 && resp.Header.Get("Retry-After") == "" {
		i.t.Errorf("%s %s: 503 without Retry-After: %s", method, path, answer)
	}
	return resp.StatusCode, answer, err
}

// key makes a key, which needs a gateway that does so at once.
func (i *installed) key(admin string) (id, secret string) {
	i.t.Helper()
	id, secret = i.tryKey(admin)
	if secret == "" {
		i.t.Fatal("no key is made")
	}
	return id, secret
}

// tryKey makes a key of acme; empty when that is refused for now, or nobody knows what became of it.
func (i *installed) tryKey(admin string) (id, secret string) {
	i.t.Helper()
	status, answer, err := i.order(admin, "POST", "/api/keys", `{"consumer": "acme"}`)
	switch {
	case err != nil, status == 503:
		return "", ""
	case status != 201:
		i.t.Errorf("a key: %d %s", status, answer)
		return "", ""
	}
	var made struct {
		ID  string `json:"id"`
		Key string `json:"key"`
	}
	if err := json.Unmarshal(answer, &made); err != nil {
		i.t.Error(err)
	}
	return made.ID, made.Key
}

// asked is what the route that wants a key answers.
func asked(client *http.Client, front, key string) (string, error) {
	r, err := http.NewRequest("GET", "http://"+front+"/keyed", nil)
	if err != nil {
		return "", err
	}
	r.Header.Set("X-API-Key", key)
	resp, err := client.Do(r)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, bodyOf(resp)), nil
}

// Programs take over from one another while clients show keys and somebody makes and revokes keys: no request with a good key fails, no
// change that was acknowledged is lost.
func TestUpgradeWithStore(t *testing.T) {
	i := install(t)
	p, front, admin := i.run(keyed)
	if status, answer, err := i.order(admin, "POST", "/api/consumers", `{"name": "acme"}`); status != 201 || err != nil {
		t.Fatal(status, string(answer), err)
	}
	_, secret := i.key(admin)
	go func() { // each change is a line of the log, which somebody has to read
		for range p.lines {
		}
	}()
	var stop atomic.Bool
	var good, made, refused atomic.Int64
	var all sync.WaitGroup
	defer all.Wait()
	defer stop.Store(true)
	for n := range 6 {
		transport := &http.Transport{DisableKeepAlives: n%2 == 0}
		client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
		all.Go(func() {
			defer transport.CloseIdleConnections()
			for !stop.Load() {
				if got, err := asked(client, front, secret); err != nil || got != "200 acme" {
					t.Errorf("client %d, after %d requests of all: got %q, %v", n, good.Load(), got, err)
					return
				}
				good.Add(1)
				<-time.After(time.Millisecond)
			}
		})
	}
	keys := map[string]string{} // acknowledged, by ID
	revoked := map[string]bool{}
	all.Go(func() {
		for n := 0; !stop.Load(); n++ {
			id, text := i.tryKey(admin)
			if text == "" {
				refused.Add(1)
				continue
			}
			keys[id] = text
			made.Add(1)
			if n%2 == 0 {
				if status, _, err := i.order(admin, "POST", "/api/keys/"+id+"/revoke", ""); err == nil && status < 300 {
					revoked[id] = true
				} else {
					delete(keys, id) // nobody knows
				}
			}
		}
	})
	for range times(3, 20) {
		for from, more := good.Load(), made.Load(); (good.Load() < from+100 || made.Load() < more+10) && !t.Failed(); {
			<-time.After(time.Millisecond)
		}
		i.upgrade()
	}
	stop.Store(true)
	all.Wait()
	fresh := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
	for id, text := range keys {
		got, err := asked(fresh, front, text)
		if err != nil || revoked[id] != strings.HasPrefix(got, "401 ") || !revoked[id] && got != "200 acme" {
			t.Errorf("key %s, revoked %v: got %q, %v", id, revoked[id], got, err)
		}
	}
	t.Logf("%d requests, %d keys made, %d times refused", good.Load(), made.Load(), refused.Load())
}

// When the new program fails, the old one takes the store back; and a second process with the same data ends with a clear error.
func TestUpgradeThatFailsWithStore(t *testing.T) {
	i := install(t)
	p, front, admin := i.run(keyed)
	if status, answer, err := i.order(admin, "POST", "/api/consumers", `{"name": "acme"}`); status != 201 || err != nil {
		t.Fatal(status, string(answer), err)
	}
	_, before := i.key(admin)
	if err := i.put([]byte("#!/bin/sh\nexit 1\n")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(i.number(), syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	p.await("(the new program does not take over; this one goes on)")
	p.await("(the store is open)")
	_, after := i.key(admin)
	for _, key := range []string{before, after} {
		if got, err := asked(http.DefaultClient, front, key); got != "200 acme" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	}
	second := filepath.Join(t.TempDir(), "sallyport.yaml")
	if err := os.WriteFile(second, []byte(fmt.Sprintf("listeners: [%q]\nadmin: off\nroutes: [{ match: /, respond: {} }]\n", port(t))), 0o600); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("process %d has %s.lock; stop it first", i.number(), filepath.Join(i.dir, "data", "sallyport.db"))
	if code, out := line("run", "-c", second, "--data", filepath.Join(i.dir, "data")); code != 1 || !strings.Contains(out, want) {
		t.Errorf("got %d %s\nwant %s", code, out, want)
	}
}
