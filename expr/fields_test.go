package expr

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"sallyport/wire"
)

// Of some fields a message has one, and of no field without end.
func TestValuesOfOneField(t *testing.T) {
	items := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat(`"a",`, n), ",") + "]" }
	for _, c := range []struct {
		name, list string
		want       error
	}{
		{"X-A", items(100), nil}, {"X-A", items(101), ErrMany}, {"Set-Cookie", items(3), nil},
		{"Content-Type", items(1), nil}, {"content-type", items(2), ErrSeveral}, {"Location", items(2), ErrSeveral}, {"ETag", `["", "a", ""]`, nil},
	} {
		tmpl, err := CompileTemplate("${" + c.list + "}")
		if err != nil {
			t.Fatal(err)
		}
		var h wire.Header
		if err := (Values{*tmpl}).Add(&h, c.name, newGiven()); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	a, _ := CompileTemplate("a")
	if errs := CheckFields("headers", map[string]Values{"Location": {*a, *a}}); len(errs) != 1 || !strings.Contains(fmt.Sprint(errs), "several") {
		t.Errorf("%v", errs)
	}
}
