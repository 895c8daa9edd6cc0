package identity

import (
	"testing"
)

func TestKeyText(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		k := newKey()
		if len(k) != keyLength || shapeOf(k) != whole || seen[k] {
			t.Fatalf("%q is no key, or there twice", k)
		}
		seen[k] = true
		for i := len(keyPrefix); i < len(k); i++ {
			c := byte('A')
			if k[i] == c {
				c = 'B'
			}
			if got := shapeOf(k[:i] + string(c) + k[i+1:]); got != broken {
				t.Fatalf("a key with another character at %d is %v", i, got)
			}
		}
		if shapeOf(k[:len(k)-1]) != broken || shapeOf(k+"0") != broken || shapeOf("x"+k) != foreign {
			t.Fatal("keys of another length are whole")
		}
	}
}

// A key of this very text has this checksum, so that scanners of others can know it.
func TestKeyChecksum(t *testing.T) {
	const key = "sp_0123456789ABCDEFGHIJKLMNOPQRSTUV"
	if got := checksum(key); string(got[:]) != "4OC10z" {
		t.Errorf("got %s", got)
	}
}
