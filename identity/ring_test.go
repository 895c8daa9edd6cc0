package identity

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/store"
)

// What is written of a key comes back, also when it looks other than those that are made here.
func TestKeyRecords(t *testing.T) {
	at := time.UnixMilli(1_800_000_000_123).UTC()
	r := &ring{}
	var want []store.KeyRecord
	for name, change := range map[string]func(*store.KeyRecord){
		"usual": func(*store.KeyRecord) {},
		"all of it": func(k *store.KeyRecord) {
			k.Expires, k.Revoked, k.LastUsed, k.Label, k.Replaces = at, at.Add(1e6), at.Add(2e6), "the label", "k_other"
		},
		"addresses":        func(k *store.KeyRecord) { k.AllowIPs = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} },
		"routes":           func(k *store.KeyRecord) { k.Routes = []string{"orders"} },
		"a long ID":        func(k *store.KeyRecord) { k.ID = "key_0123456789abcdef" },
		"a short ID":       func(k *store.KeyRecord) { k.ID = "7" },
		"no prefix":        func(k *store.KeyRecord) { k.Prefix = "" },
		"a short prefix":   func(k *store.KeyRecord) { k.Prefix = "sp_" },
		"a long prefix":    func(k *store.KeyRecord) { k.Prefix = "sp_0123456789" },
		"a prefix so long": func(k *store.KeyRecord) { k.Prefix = "key01234567" },
	} {
		rec := store.KeyRecord{ID: newID("k"), Consumer: name, Prefix: "sp_01234567", Created: at}
		rec.Hash = newDigests(pepper).of(rec.ID)
		change(&rec)
		r.put(&rec, &holder{name: name})
		want = append(want, rec)
	}
	for _, r := range []*ring{r, r.compact()} {
		for _, rec := range want {
			byID, byHash := r.byID(rec.ID), r.byHash(&rec.Hash)
			if byID == nil || byID != byHash {
				t.Fatalf("%s: by ID it is %p, by its hash %p", rec.Consumer, byID, byHash)
			}
			if got := r.record(byID); !reflect.DeepEqual(got, rec) {
				t.Errorf("%s:\ngot  %+v\nwant %+v", rec.Consumer, got, rec)
			}
		}
	}
}

// Keys whose numbers are the same as far as an index looks are told apart.
func TestKeysOfOneNumber(t *testing.T) {
	r := &ring{}
	h := &holder{name: "acme"}
	for i := range 5 {
		r.put(&store.KeyRecord{ID: fmt.Sprint(i), Hash: [32]byte{0, 1, 2, 3, 4, 5, 6, 7, byte(i)}}, h)
	}
	r.drop("3")
	r.drop("3")
	for i := range 6 {
		k := r.byHash(&[32]byte{0, 1, 2, 3, 4, 5, 6, 7, byte(i)})
		if want := i < 5 && i != 3; (k != nil) != want || want && r.idOf(k) != fmt.Sprint(i) {
			t.Errorf("%d: found %v", i, k)
		}
	}
}

// While keys come and go, are rotated and revoked, and the whole is made anew, a request never sees another's consumer, and what holds keeps holding.
func TestKeysComeAndGo(t *testing.T) {
	r, m := attached(t)
	b := EmptyBook(r)
	const consumers = 4
	var kept [consumers]string
	for i := range kept {
		name := fmt.Sprint("consumer", i)
		if _, err := r.CreateConsumer(t.Context(), ConsumerSpec{Name: name}); err != nil {
			t.Fatal(err)
		}
		secret, _, err := r.CreateKey(t.Context(), KeySpec{Consumer: name})
		if err != nil {
			t.Fatal(err)
		}
		kept[i] = secret
	}
	m.forgetful = true // its records are not what is looked at, and would be copied with each change
	type pair struct{ secret, consumer string }
	var gone, last atomic.Pointer[pair]
	var stop atomic.Bool
	var asking sync.WaitGroup
	for range 2 {
		asking.Go(func() {
			x := from("192.0.2.1")
			for at := time.Now(); !stop.Load(); at = at.Add(time.Minute) {
				for i, secret := range kept {
					v := b.Key(secret, x, at)
					if v.Why != "" || v.Consumer.Name != fmt.Sprint("consumer", i) {
						t.Errorf("a key that stays is %q, of %v", v.Why, v.Consumer)
					}
					v.Use(at)
				}
				if p := last.Load(); p != nil {
					if v := b.Key(p.secret, x, at); v.Consumer != nil && v.Consumer.Name != p.consumer {
						t.Errorf("a key of %s is one of %s", p.consumer, v.Consumer.Name)
					}
				}
				if p := gone.Load(); p != nil {
					if v := b.Key(p.secret, x, at); v.Why != Unknown {
						t.Errorf("a key that is gone is %q", v.Why)
					}
				}
				r.Keys(KeyFilter{Limit: 3})
			}
		})
	}
	before := r.roll.Load().keys.Load()
	for i := range 15_000 {
		name := fmt.Sprint("consumer", i%consumers)
		secret, rec, err := r.CreateKey(t.Context(), KeySpec{Consumer: name})
		if err != nil {
			t.Fatal(err)
		}
		last.Store(&pair{secret, name})
		if i%10 == 0 {
			next, _, err := r.RotateKey(t.Context(), rec.ID, 0)
			if err != nil || b.Key(secret, from("192.0.2.1"), time.Now()).Why != Revoked || b.Key(next, from("192.0.2.1"), time.Now()).Why != "" {
				t.Fatal("it was not rotated", err)
			}
		}
		if err := r.RemoveKey(t.Context(), rec.ID); err != nil {
			t.Fatal(err)
		}
		gone.Store(&pair{secret, name})
	}
	stop.Store(true)
	asking.Wait()
	after := r.roll.Load().keys.Load()
	if after == before || after.n.Load() > 8000 {
		t.Errorf("there are %d spots for %d keys", after.n.Load(), len(r.Keys(KeyFilter{})))
	}
	if got := len(r.Keys(KeyFilter{})); got != consumers+1500 {
		t.Errorf("there are %d keys", got)
	}
}

// A use that is noted on what a new ring was made of is not lost, whenever that was.
func TestUseOutlivesARing(t *testing.T) {
	r, _ := attached(t)
	k := r.roll.Load()
	var verdicts []KeyVerdict
	at := time.Now()
	for range 2 {
		secret, _, err := r.CreateKey(t.Context(), KeySpec{Consumer: "acme"})
		if err != nil {
			t.Fatal(err)
		}
		verdicts = append(verdicts, EmptyBook(r).Key(secret, from("192.0.2.1"), at))
	}
	old := k.keys.Load()
	next := old.compact()
	verdicts[0].Use(at) // before it is there
	k.keys.Store(next)
	old.follow(next)
	verdicts[1].Use(at) // and after
	used := slices.Collect(func(yield func(int64) bool) {
		for one := range next.all() {
			yield(one.used.Load())
		}
	})
	if !slices.Equal(used, []int64{at.UnixMilli(), at.UnixMilli()}) {
		t.Errorf("used at %v, want %d", used, at.UnixMilli())
	}
	if id := verdicts[0].ID; next.byID(id) == nil || r.RemoveKey(t.Context(), id) != nil || next.byID(id) != nil {
		t.Error("it cannot be removed")
	}
}
