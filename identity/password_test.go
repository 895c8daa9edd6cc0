package identity

import (
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"
)

func bcrypted(t *testing.T, password string) *Hash {
	t.Helper()
	text, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	h, err := ParseHash(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func hashed(t *testing.T, password string) string {
	t.Helper()
	text, err := HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestHashPassword(t *testing.T) {
	for _, bad := range []string{"", "short", strings.Repeat("x", maxPassword+1), "correct\x00horse", "correct\nhorse", "correct horse\xff"} {
		if text, err := HashPassword(bad); err == nil {
			t.Errorf("%q is hashed: %s", bad, text)
		}
	}
	if one, other := hashed(t, "correct horse"), hashed(t, "correct horse"); one == other {
		t.Error("two hashes have one salt")
	}
}

func TestParseHash(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"bcrypt of htpasswd", "$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC", ""},
		{"bcrypt 2b", "$2b$12$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC", ""},
		{"our own", hashed(t, "correct horse"), ""},
		{"argon2id of elsewhere", "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b2EAwRdescudvJCsgt3ub+b2EA", ""},
		{"too dear", "$2y$31$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC", "the cost of a bcrypt hash is 4 to 14 here, not 31"},
		{"4 GiB", "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub+b2EAw", "may take 8192 to 131072 KiB"},
		{"for ever", "$argon2id$v=19$m=65536,t=999999999,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub+b2EAw", "1 to 16 passes"},
		{"both", "$argon2id$v=19$m=131072,t=16,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub+b2EAw", "m × t"},
		{"threads", "$argon2id$v=19$m=65536,t=1,p=255$c29tZXNhbHQ$RdescudvJCsgt3ub+b2EAw", "1 to 16 threads"},
		{"no passes", "$argon2id$v=19$m=65536,t=0,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub+b2EAw", "1 to 16 passes"},
		{"loose base64", "$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHR$RdescudvJCsgt3ub+b2EAw", "no base64"},
		{"apr1", "$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00", "hashed with MD5 (apr1), which is not taken; write a bcrypt hash, as htpasswd -nB makes"},
		{"SHA-1", "{SHA}0DPiKuNIrrVmD8IUCuw1hQxNqZc=", "SHA-1"},
		{"crypt", "rl0uE5ZQIrHIo", "with crypt"},
		{"plain", "secret-canary", "not hashed"},
		{"empty", "", "not hashed"},
		{"argon2i", "$argon2i$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub+b2EAw", "argon2i,"},
		{"cut short", "$2y$05$c4WoMPo3SXsafkva", "60 characters"},
	} {
		_, err := ParseHash(c.text)
		switch {
		case c.want == "" && err != nil, c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		case err != nil && c.text != "" && strings.Contains(err.Error(), c.text):
			t.Errorf("%s: %v repeats what may be a password", c.name, err)
		}
	}
}

func TestMatches(t *testing.T) {
	long := strings.Repeat("x", 72)
	argon, err := ParseHash(hashed(t, long+"y"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, password string
		hash           *Hash
		want           bool
	}{
		{"right", "correct horse", bcrypted(t, "correct horse"), true},
		{"wrong", "correct hors", bcrypted(t, "correct horse"), false},
		{"empty", "", bcrypted(t, "correct horse"), false},
		{"72 bytes", long, bcrypted(t, long), true},
		{"bcrypt would not see the rest", long + "y", bcrypted(t, long), false},
		{"argon2id does", long + "y", argon, true},
		{"and here", long + "z", argon, false},
		{"UTF-8", "пароль €", bcrypted(t, "пароль €"), true},
	} {
		if got := c.hash.matches([]byte(c.password)); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
		if c.hash.cost.dummy().matches([]byte(c.password)) {
			t.Errorf("%s: a dummy has that password", c.name)
		}
	}
}

// Two pairs of user and password that are the same when written one after the other are not the same.
func TestCheckKeepsFieldsApart(t *testing.T) {
	p := NewPasswords()
	h := bcrypted(t, "b:c")
	if got := p.Check("a", []byte("b:c"), h); got != Right {
		t.Fatal(got)
	}
	for _, c := range []struct{ user, password string }{{"a:b", "c"}, {"", "ab:c"}, {"ab", ":c"}, {"a", "b:"}} {
		if got := p.Check(c.user, []byte(c.password), h); got != Wrong {
			t.Errorf("%q %q: %v", c.user, c.password, got)
		}
	}
	if got := p.Check("b", []byte("b:c"), bcrypted(t, "other")); got != Wrong {
		t.Error("another hash, and the password is still right")
	}
}

func TestCheckRemembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPasswords()
		h := bcrypted(t, "correct horse")
		p.Check("a", []byte("correct horse"), h)
		// The same text, and so the same MAC; but nothing matches it.
		broken := &Hash{text: h.text, cost: cost{memory: minArgonMemory, passes: 1, threads: 1, size: 32}, salt: make([]byte, 8), sum: make([]byte, 32)}
		if got := p.Check("a", []byte("correct horse"), broken); got != Right {
			t.Errorf("a password that was right a moment ago: %v", got)
		}
		time.Sleep(rememberIt)
		if got := p.Check("a", []byte("correct horse"), broken); got != Wrong {
			t.Errorf("a password that was right long ago is not checked again: %v", got)
		}
	})
}

func TestKnownIsBounded(t *testing.T) {
	k := &known{until: map[[32]byte]time.Time{}}
	now := time.Now()
	for i := range 3 * maxKnown {
		k.learn([32]byte{byte(i), byte(i >> 8), byte(i >> 16)}, now)
	}
	if len(k.until) > maxKnown {
		t.Errorf("%d are known, at most %d should be", len(k.until), maxKnown)
	}
	last := 3*maxKnown - 1
	if !k.has([32]byte{byte(last), byte(last >> 8), byte(last >> 16)}, now) {
		t.Error("the last one is not")
	}
}

// A flood of checks ends in "busy" for those who would wait too long, and in nothing else.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPasswords()
		for range cap(p.slots) {
			p.slots <- struct{}{}
		}
		h := bcrypted(t, "correct horse")
		var crew sync.WaitGroup
		var mu sync.Mutex
		got := map[Match]int{}
		start := time.Now()
		for range maxWaiting + 10 {
			crew.Go(func() {
				m := p.Check("a", []byte("wrong"), h)
				mu.Lock()
				defer mu.Unlock()
				got[m]++
			})
		}
		crew.Wait()
		if got[Busy] != maxWaiting+10 || time.Since(start) != maxWait {
			t.Errorf("%v after %v", got, time.Since(start))
		}
		for range cap(p.slots) {
			<-p.slots
		}
		if m := p.Check("a", []byte("correct horse"), h); m != Right {
			t.Errorf("afterwards: %v", m)
		}
	})
	if n := cap(NewPasswords().slots); n < 1 || n > max(1, runtime.GOMAXPROCS(0)/2) {
		t.Errorf("%d checks go on at once", n)
	}
}

// Who asks for unknown users gets the costs that known ones have, and each user always the same.
func TestDummies(t *testing.T) {
	p := NewPasswords()
	cheap, dear := &Hash{cost: cost{bcrypt: 4}}, &Hash{cost: cost{bcrypt: 12}}
	a, b := p.Dummies([]*Hash{cheap, dear, cheap, cheap}), p.Dummies([]*Hash{dear, cheap, cheap, cheap})
	counts := map[cost]int{}
	for i := range 1000 {
		user := strconv.Itoa(i)
		x, y := a.Of(user), b.Of(user)
		if x.cost != y.cost {
			t.Fatalf("%s has another dummy after a reload", user)
		}
		counts[x.cost]++
	}
	if counts[cheap.cost] < 2*counts[dear.cost] || counts[dear.cost] < 100 {
		t.Errorf("costs of dummies: %v", counts)
	}
	if got := p.Dummies(nil).Of("a").cost.memory; got != argonMemory {
		t.Errorf("without anybody: %d KiB", got)
	}
}

func TestHashShowsNothing(t *testing.T) {
	h := bcrypted(t, "correct horse")
	if got := h.String(); strings.Contains(got, "$2") {
		t.Error(got)
	}
}

func BenchmarkKnownPassword(b *testing.B) {
	p := NewPasswords()
	text, _ := bcrypt.GenerateFromPassword([]byte("correct horse"), bcrypt.MinCost)
	h, _ := ParseHash(string(text))
	password := []byte("correct horse")
	p.Check("alice", password, h)
	b.ReportAllocs()
	for b.Loop() {
		p.Check("alice", password, h)
	}
}
