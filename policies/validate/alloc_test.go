//go:build !race && !poison

package validate

import (
	"testing"

	"sallyport/policy"
	"sallyport/wire"
)

func TestAllocations(t *testing.T) {
	v, errs, _ := made(t, "{request: {schema: {type: object, required: [id], properties: {id: {type: integer}, name: {type: string, maxLength: 20}}}}}")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	body := []byte(`{"id":12345,"name":"a product"}`)
	x, resp := ask(""), &wire.Response{Status: 200}
	next := func(*policy.Exchange) (*wire.Response, error) { return resp, nil }
	if n := testing.AllocsPerRun(100, func() {
		x.SetBody(body)
		if _, err := v.Handle(x, next); err != nil {
			t.Fatal(err)
		}
	}); n > 26 {
		t.Errorf("%v allocations, want at most 26", n)
	}
}
