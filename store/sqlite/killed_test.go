package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"sallyport/store"
)

// This file kills processes that write, again and again, and looks at what they leave behind.

// trio is what one change puts, which has to be there as a whole or not at all.
func trio(n int) store.Records {
	name := strconv.Itoa(n)
	k := store.KeyRecord{ID: name, Consumer: name, Created: moment, AllowIPs: everything().Keys[0].AllowIPs}
	copy(k.Hash[:], name)
	return store.Records{
		Consumers:   []store.ConsumerRecord{{Name: name}},
		Keys:        []store.KeyRecord{k},
		Credentials: []store.CredentialRecord{{ID: name, Consumer: name, Settings: []byte(name)}},
	}
}

// churn creates, revokes and removes keys, and says so before and after, until it is killed. It counts from a number.
func churn(file, from string) {
	s, err := Create(context.Background(), file, slog.New(slog.DiscardHandler))
	n, odd := strconv.Atoi(from)
	must(errors.Join(err, odd))
	say := func(what string, n int) { _, _ = fmt.Println(what, n) }
	do := func(what string, n int, c store.Change) {
		say("-"+what, n)
		must(s.Apply(context.Background(), c))
		say("+"+what, n)
	}
	for first := n; ; n++ {
		do("create", n, store.Change{Put: trio(n)})
		if n%3 == 0 {
			r := trio(n)
			r.Keys[0].Revoked = moment
			do("revoke", n, store.Change{Put: store.Records{Keys: r.Keys}})
		}
		if old := n - 50; n%2 == 0 && old >= first {
			do("remove", old, store.Change{Remove: store.Removed{Consumers: []string{strconv.Itoa(old)}}})
		}
		if n%40 == 0 {
			must(s.Touch(context.Background(), map[string]time.Time{strconv.Itoa(n): moment}))
		}
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A fate is what was said of a key: what began, and what was acknowledged.
type fate struct{ begun, done map[string]bool }

// A ledger is what processes said of one store, by number.
type ledger map[int]*fate

func (l ledger) read(line string) {
	var what string
	var n int
	if _, err := fmt.Sscan(line, &what, &n); err != nil || len(what) < 2 {
		return // cut off
	}
	f := l[n]
	if f == nil {
		f = &fate{map[string]bool{}, map[string]bool{}}
		l[n] = f
	}
	f.begun[what[1:]] = true
	if what[0] == '+' {
		f.done[what[1:]] = true
	}
}

// judge compares a store with what was said of it.
func (l ledger) judge(t *testing.T, s *Store) {
	t.Helper()
	var found string
	if err := s.db.QueryRow("PRAGMA integrity_check(1)").Scan(&found); err != nil || found != "ok" {
		t.Errorf("the database is damaged: %s, %v", found, err)
	}
	r := loaded(t, s)
	keys, consumers, credentials := map[int]*store.KeyRecord{}, map[string]bool{}, map[string]bool{}
	for i := range r.Keys {
		n, _ := strconv.Atoi(r.Keys[i].ID)
		keys[n] = &r.Keys[i]
	}
	for _, c := range r.Consumers {
		consumers[c.Name] = true
	}
	for _, c := range r.Credentials {
		credentials[c.ID] = true
	}
	for n, k := range keys {
		if l[n] == nil || !l[n].begun["create"] {
			t.Errorf("key %d was never made", n)
			continue
		}
		if !consumers[k.ID] || !credentials[k.ID] || k.Hash != trio(n).Keys[0].Hash {
			t.Errorf("of key %d there is a part", n)
		}
		if l[n].done["remove"] {
			t.Errorf("key %d was removed, and is there", n)
		}
		if l[n].done["revoke"] && k.Revoked.IsZero() || !l[n].begun["revoke"] && !k.Revoked.IsZero() {
			t.Errorf("key %d: revoked %v", n, k.Revoked)
		}
	}
	if len(consumers) != len(keys) || len(credentials) != len(keys) {
		t.Errorf("%d keys, %d consumers, %d credentials", len(keys), len(consumers), len(credentials))
	}
	for n, f := range l {
		if f.done["create"] && !f.begun["remove"] && keys[n] == nil {
			t.Errorf("key %d is lost", n)
		}
	}
}

// Processes are killed at any moment, also while they make the store: what they acknowledged is there, what they did not is there as
// a whole or not at all, and nothing is damaged.
func TestKilledWhileWriting(t *testing.T) {
	kills := 60
	if os.Getenv("SOAK") != "" {
		kills = 1000
	}
	const perStore = 20
	acknowledged := 0
	for done := 0; done < kills; {
		file, l := filepath.Join(t.TempDir(), "s.db"), ledger{}
		for range min(perStore, kills-done) {
			acknowledged += life(t, file, done*1_000_000, l)
			done++
			s := opened(t, file)
			l.judge(t, s)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if t.Failed() {
				t.Fatalf("after %d kills", done)
			}
		}
	}
	t.Logf("%d kills, %d changes acknowledged", kills, acknowledged)
}

// life is one process's, from its start to when it is killed. It returns how many changes were acknowledged.
func life(t *testing.T, file string, from int, l ledger) (acknowledged int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, file, strconv.Itoa(from))
	c.Env, c.Stderr = append(os.Environ(), asProgram+"=churn"), os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(time.Duration(rand.Int64N(int64(150*time.Millisecond))), func() { _ = c.Process.Kill() })
	for lines := bufio.NewScanner(out); lines.Scan(); {
		l.read(lines.Text())
		if lines.Bytes()[0] == '+' {
			acknowledged++
		}
	}
	if state, ok := c.Wait().(*exec.ExitError); !ok || !state.Sys().(syscall.WaitStatus).Signaled() {
		t.Fatal("it ended by itself")
	}
	return acknowledged
}

// A second process is told who has the store, and gets it when that one is gone.
func TestSecondProcess(t *testing.T) {
	file := in(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, file, "0")
	c.Env = append(os.Environ(), asProgram+"=churn")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	go func() {
		for lines.Scan() {
		}
	}()
	_, err = Open(t.Context(), file, slog.New(slog.DiscardHandler))
	if want := fmt.Sprintf("open the store %s: the store is in use: process %d has %s.lock; stop it first, replace it with SIGUSR2, or give this one another file as store.sqlite",
		file, c.Process.Pid, file); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	_ = c.Process.Kill()
	_ = c.Wait()
	opened(t, file)
}
