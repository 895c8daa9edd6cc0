package identity

import (
	"fmt"
	"slices"
	"testing"
)

// Pages are parts of the whole, in its order, each key once.
func TestPagesOfKeys(t *testing.T) {
	r, _ := attached(t)
	if _, err := r.CreateConsumer(t.Context(), ConsumerSpec{Name: "pages"}); err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range 100 {
		_, rec, err := r.CreateKey(t.Context(), KeySpec{Consumer: "pages", Label: fmt.Sprint(i)})
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, rec.ID)
	}
	for _, limit := range []int{1, 3, 7, 99, 100, 101} {
		f := KeyFilter{Consumer: "pages", Limit: limit}
		var got []string
		for {
			page := r.Keys(f)
			for _, rec := range page {
				got = append(got, rec.ID)
			}
			if len(page) < limit {
				break
			}
			f.After = page[limit-1].ID
		}
		if slices.Sort(got); len(got) != len(want) || !slices.Equal(got, slices.Sorted(slices.Values(want))) {
			t.Errorf("pages of %d: %d keys, want %d", limit, len(got), len(want))
		}
	}
}
