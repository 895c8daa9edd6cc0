package aws_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/aws"
	"sallyport/schema"
	"sallyport/test/leak"
	"sallyport/wire"
)

func TestMain(m *testing.M) { leak.Main(m) }

// An output is what is logged.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// A source finds what it is told to.
type source struct {
	mu    sync.Mutex
	keys  aws.Keys
	err   error
	looks []time.Duration // since the start of the bubble
	began time.Time
}

func (s *source) find(context.Context, string) (aws.Keys, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks = append(s.looks, time.Since(s.began))
	return s.keys, s.err
}

func (s *source) set(k aws.Keys, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys, s.err = k, err
}

func (s *source) times() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprint(s.looks)
}

func keys(id string, until time.Time) aws.Keys {
	return aws.Keys{ID: schema.NewSecret(id), Secret: schema.NewSecret("secret-of-" + id), Session: schema.NewSecret("session-of-" + id), Until: until, From: "test"}
}

// signed signs a call, and returns the id that it was signed with.
func signed(c *aws.Credentials) (string, error) {
	call := &wire.Call{Method: "POST", Target: "/", Host: "a.test", Header: &wire.Header{}}
	if err := c.Sign(call, nil, "lambda"); err != nil {
		return "", err
	}
	_, id, _ := strings.Cut(call.Header.Get("Authorization"), "Credential=")
	id, _, _ = strings.Cut(id, "/")
	return id, nil
}

// kept runs f in a bubble, with credentials that are kept of s.
func kept(t *testing.T, s *source, f func(c *aws.Credentials, log *output)) {
	synctest.Test(t, func(t *testing.T) {
		var log output
		s.began = time.Now()
		c := aws.NewCredentials("eu-central-1", s.find, slog.New(slog.NewTextHandler(&log, nil)))
		if _, err := signed(c); err == nil || !strings.Contains(err.Error(), "not known yet") {
			t.Errorf("before the first look: %v", err)
		}
		ctx, end := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			c.Keep(ctx)
			close(done)
		}()
		<-c.Ready()
		synctest.Wait()
		f(c, &log)
		end()
		<-done
	})
}

func wantID(t *testing.T, c *aws.Credentials, want string) {
	t.Helper()
	if got, err := signed(c); got != want || err != nil {
		t.Errorf("signed with %q, %v, want %q", got, err, want)
	}
}

// New ones are looked for five minutes before the old end; who signs does not notice.
func TestRenewed(t *testing.T) {
	s := &source{}
	synctest.Test(t, func(*testing.T) { s.keys = keys("one", time.Now().Add(time.Hour)) }) // bubbles begin at one time
	kept(t, s, func(c *aws.Credentials, log *output) {
		wantID(t, c, "one")
		s.set(keys("two", time.Now().Add(2*time.Hour)), nil)
		time.Sleep(55*time.Minute - time.Second)
		wantID(t, c, "one")
		time.Sleep(2 * time.Second)
		wantID(t, c, "two")
		if got, want := s.times(), "[0s 55m0s]"; got != want {
			t.Errorf("looked at %s, want %s", got, want)
		}
		if n := strings.Count(log.String(), "credentials for AWS are found"); n != 2 {
			t.Errorf("the log is\n%s", log)
		}
	})
}

// While new ones cannot be found, those of before are used: AWS knows whether it takes them.
func TestNotRenewed(t *testing.T) {
	s := &source{}
	synctest.Test(t, func(*testing.T) { s.keys = keys("one", time.Now().Add(10*time.Minute)) })
	kept(t, s, func(c *aws.Credentials, log *output) {
		s.set(aws.Keys{}, errors.New("the token service is away"))
		time.Sleep(time.Hour)
		wantID(t, c, "one")
		if looks := strings.Count(s.times(), "m"); looks < 40 || looks > 70 {
			t.Errorf("looked at %s", s.times())
		}
		for _, want := range []string{`msg="no credentials for AWS are found"`, "the token service is away", "former=true", "set AWS_ACCESS_KEY_ID"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log has no %s", want)
			}
		}
		s.set(keys("two", time.Time{}), nil)
		time.Sleep(2 * time.Minute)
		wantID(t, c, "two")
	})
}

// Without any, signing says why, and they are looked for again and again, ever more seldom.
func TestNone(t *testing.T) {
	s := &source{err: errors.New("nobody has any")}
	kept(t, s, func(c *aws.Credentials, _ *output) {
		if _, err := signed(c); err == nil || !strings.Contains(err.Error(), "there are no credentials for AWS: nobody has any") {
			t.Errorf("got %v", err)
		}
		time.Sleep(4 * time.Minute)
		if got, want := s.times(), "[0s 5s 15s 35s 1m15s 2m15s 3m15s]"; got != want {
			t.Errorf("looked at %s, want %s", got, want)
		}
		s.set(aws.Keys{ID: schema.NewSecret("half")}, nil)
		time.Sleep(time.Minute)
		if _, err := signed(c); err == nil || !strings.Contains(err.Error(), "what was found has no key") {
			t.Errorf("half a key: %v", err)
		}
		s.set(keys("one", time.Time{}), nil)
		time.Sleep(time.Minute)
		wantID(t, c, "one")
	})
}

// Those that do not end are looked for again when AWS does not take them, however often it says so.
func TestDoubted(t *testing.T) {
	s := &source{keys: keys("one", time.Time{})}
	kept(t, s, func(c *aws.Credentials, _ *output) {
		time.Sleep(24 * time.Hour)
		if got := s.times(); got != "[0s]" {
			t.Errorf("looked at %s", got)
		}
		s.set(keys("two", time.Time{}), nil)
		c.Doubt()
		synctest.Wait()
		wantID(t, c, "two")
		for range 1000 {
			c.Doubt()
			time.Sleep(10 * time.Millisecond)
		}
		if n := len(strings.Fields(s.times())); n > 5 {
			t.Errorf("looked %d times in 10 seconds", n)
		}
	})
}

// A secret that is mended under the same id counts, although the library remembers what it derived by that alone.
func TestMended(t *testing.T) {
	wrong := keys("one", time.Time{})
	wrong.Secret = schema.NewSecret("mistyped")
	signature := func(c *aws.Credentials) string {
		call := &wire.Call{Method: "POST", Target: "/", Host: "a.test", Header: &wire.Header{}}
		if err := c.Sign(call, nil, "lambda"); err != nil {
			t.Fatal(err)
		}
		return call.Header.Get("Authorization")
	}
	var want string // all bubbles begin at one time
	kept(t, &source{keys: keys("one", time.Time{})}, func(c *aws.Credentials, _ *output) {
		time.Sleep(10 * time.Second)
		want = signature(c)
	})
	s := &source{keys: wrong}
	kept(t, s, func(c *aws.Credentials, _ *output) {
		if signature(c) == want {
			t.Error("the secret does not count")
		}
		s.set(keys("one", time.Time{}), nil)
		time.Sleep(10 * time.Second)
		c.Doubt()
		synctest.Wait()
		if got := signature(c); got != want {
			t.Errorf("the signature is %s, want %s", got, want)
		}
	})
}

// Nothing of them is printed, and what comes back from AWS is blackened.
func TestNothingShows(t *testing.T) {
	k := keys("canary", time.Time{})
	s := &source{keys: k}
	kept(t, s, func(c *aws.Credentials, log *output) {
		shown := fmt.Sprintf("%v %+v %#v %s %v", k, k, k, &k, c.Mask("x session-of-canary y secret-of-canary z canary"))
		if strings.Contains(shown, "canary") || strings.Contains(log.String(), "canary") {
			t.Errorf("they show: %s\n%s", shown, log)
		}
		if got := c.Mask("x session-of-canary y"); got != "x ••• y" {
			t.Errorf("got %q", got)
		}
	})
}
