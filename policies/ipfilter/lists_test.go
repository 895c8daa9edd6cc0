package ipfilter

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/schema"
	"sallyport/store"
	"sallyport/wire"
)

func TestReading(t *testing.T) {
	for _, c := range []struct {
		text string
		how  reading
		want string // sizes, or part of the error
	}{
		{"10.0.0.0/8\n\n# x\n; y\n192.0.2.1\t# z\r\n2001:db8::/32;w\n", reading{}, "3"},
		{"allow\t10.0.0.0/8\ndeny  10.1.0.0/16\n", reading{words: true}, "2"},
		{"allow 10.0.0.0/8\n", reading{loose: true}, "line 1: write one network"},
		{"10.0.0.1/8\n", reading{words: true}, "write 10.0.0.0/8"},
		{"10.0.0.1/8\n", reading{loose: true}, "1"},
		{"10.0.0.0/8\n0.0.0.0/0\n", reading{loose: true}, "line 2: 0.0.0.0/0 is everybody"},
		{"::/0\n", reading{loose: true}, "is everybody"},
		{"::/0\n", reading{words: true}, "1"},
		{"::ffff:10.0.0.0/104\n", reading{loose: true}, "IPv4 network itself"},
		{"# nothing\n", reading{}, "lists nothing"},
		{"10.0.0.0/8 10.0.0.1\n", reading{words: true}, "line 1"},
		{"<html>", reading{loose: true}, `"<html>": write a network`},
		{strings.Repeat("x", 1<<20), reading{}, "token too long"},
	} {
		got, err := c.how.read([]byte(c.text))
		if err != nil && !strings.Contains(err.Error(), c.want) || err == nil && fmt.Sprint(got.size) != c.want {
			t.Errorf("%.40q: got %+v, %v; want %s", c.text, got, err, c.want)
		}
	}
}

// Who comes to a file that is read already does not take it for one that has changed, and a large one that is wrong is not read over and over.
func TestFileIsReadOnce(t *testing.T) {
	name := filepath.Join(t.TempDir(), "list")
	write(t, name, "10.0.0.0/8\n")
	l, changes := &list{}, 0
	watching := func() *watch {
		w := &watch{list: l, path: name, log: slog.New(slog.DiscardHandler), changed: func() { changes++ }, broken: func() {}}
		if err := w.begin(); err != nil {
			t.Fatal(err)
		}
		return w
	}
	watching()
	first := l.now.Load()
	w := watching()
	for range 3 {
		w.look()
	}
	if l.now.Load() != first || changes != 0 {
		t.Errorf("it was read again, and counted %d times", changes)
	}
	write(t, name, "no list\n")
	for range 3 {
		w.look()
	}
	if w.waiting != nil {
		t.Error("what was read and is wrong waits to be read again")
	}
}

// A file in the middle of being written is not read, one that is wrong or gone changes nothing.
func TestFileIsReadAgain(t *testing.T) {
	name := filepath.Join(t.TempDir(), "list")
	write(t, name, "10.0.0.0/8\n")
	broken := 0
	w := &watch{list: &list{}, path: name, log: slog.New(slog.DiscardHandler), changed: func() {}, broken: func() { broken++ }}
	if err := w.begin(); err != nil {
		t.Fatal(err)
	}
	holds := func(a string, want bool) {
		t.Helper()
		if got := w.list.now.Load().lookup(netip.MustParseAddr(a)).bare; got != want {
			t.Errorf("%s: got %v, want %v", a, got, want)
		}
	}
	write(t, name, "192.0.2.0/24\n")
	w.look()
	holds("10.0.0.1", true) // it may go on
	write(t, name, "192.0.2.0/24\n198.51.100.0/24\n")
	w.look()
	holds("10.0.0.1", true)
	w.look()
	holds("10.0.0.1", false)
	holds("198.51.100.1", true)
	for _, text := range []string{"no\n", "", "# nothing\n"} {
		write(t, name, text)
		w.look()
		w.look()
		w.look()
		holds("198.51.100.1", true)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	w.look()
	w.look()
	holds("198.51.100.1", true)
	if broken != 3 {
		t.Errorf("told %d times, want once for each thing that is wrong: 3", broken)
	}
	write(t, name, "203.0.113.0/24\n")
	w.look()
	w.look()
	holds("203.0.113.1", true)
}

// Two policies share a list, and a reload with a broken file goes on with what there is.
func TestFileIsShared(t *testing.T) {
	name := filepath.Join(t.TempDir(), "list")
	write(t, name, "10.0.0.0/8\n")
	state, tended := store.New(), map[string]int{}
	none := func(string, string) func() { return func() {} }
	build := func() *filter {
		n, _ := schema.Parse("test.yaml", []byte("{file: "+name+"}"))
		p, errs := Kind.Build(n, "ip_filter", &plug.Env{
			State: state, Log: slog.New(slog.DiscardHandler), Denied: none, Acted: none, Tend: func(name string, _ func(context.Context)) { tended[name]++ },
		})
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		return p.(*filter)
	}
	a := build()
	write(t, name, "broken\n")
	b := build()
	if a.sources[0].list != b.sources[0].list || len(tended) != 1 || let(b, "10.0.0.1") == nil {
		t.Errorf("two lists, or not what there was; tended %v", tended)
	}
	runtime.KeepAlive(a)
}

// A request waits a moment for the first fetch, and is let in or not by what it brings.
func TestUntilFetched(t *testing.T) {
	l := &list{first: make(chan struct{})}
	none := func(*policy.Exchange) {}
	f := &filter{allow: table(nil), deny: table(nil), isDenied: none, isUnlisted: none, isUnknown: none}
	f.sources = []source{{list: l}}
	x := &policy.Exchange{Request: &wire.Request{}, Client: netip.MustParseAddr("192.0.2.1")}
	next := func(*policy.Exchange) (*wire.Response, error) { return answered, nil }
	go func() {
		time.Sleep(time.Millisecond)
		c, _ := reading{}.read([]byte("10.0.0.0/8"))
		l.now.Store(c)
		close(l.first)
	}()
	if _, err := f.Handle(x, next); err != nil {
		t.Error(err)
	}
	l.now.Store(nil)
	if _, err := f.Handle(x, next); err == nil || !strings.Contains(err.Error(), "ip_list_unavailable") {
		t.Errorf("got %v", err)
	}
	f.sources[0].lax = true
	if _, err := f.Handle(x, next); err != nil {
		t.Error(err)
	}
	f.deny = table([]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")})
	if _, err := f.Handle(x, next); err == nil || !strings.Contains(err.Error(), "ip_denied") {
		t.Errorf("got %v", err)
	}
}

// many makes a list of n networks as a feed has them.
func many(n int) []byte {
	var b strings.Builder
	for i := range n {
		h := policy.Mix(uint64(i))
		fmt.Fprintf(&b, "%d.%d.%d.%d/%d\n", 1+h%223, h>>8&255, h>>16&255, h>>24&255, 20+(h>>32)%13)
	}
	return []byte(b.String())
}

func large(t testing.TB) *filter {
	c, err := reading{loose: true}.read(many(100_000))
	if err != nil {
		t.Fatal(err)
	}
	none := func(*policy.Exchange) {}
	f := &filter{allow: table(nil), deny: table(nil), isDenied: none, isUnlisted: none}
	f.sources = []source{{list: &list{}}}
	f.sources[0].now.Store(c)
	return f
}

func TestLargeListAllocatesNothing(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f := large(t)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if size := int64(after.HeapAlloc) - int64(before.HeapAlloc); size > 32<<20 {
		t.Errorf("100,000 networks take %d MiB", size>>20)
	}
	x := &policy.Exchange{Client: netip.MustParseAddr("10.2.0.1")}
	next := func(*policy.Exchange) (*wire.Response, error) { return answered, nil }
	if n := testing.AllocsPerRun(100, func() { _, _ = f.Handle(x, next) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func BenchmarkLargeList(b *testing.B) {
	f := large(b)
	next := func(*policy.Exchange) (*wire.Response, error) { return answered, nil }
	xs := make([]policy.Exchange, 1024)
	for i := range xs {
		h := policy.Mix(uint64(i) + 1<<40)
		xs[i].Client = netip.AddrFrom4([4]byte{byte(h), byte(h >> 8), byte(h >> 16), byte(h >> 24)})
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		_, _ = f.Handle(&xs[i&1023], next)
		i++
	}
}
