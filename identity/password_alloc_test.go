//go:build !race && !poison

package identity

import "testing"

func TestKnownPasswordAllocatesNothing(t *testing.T) {
	p := NewPasswords()
	h, password := bcrypted(t, "correct horse"), []byte("correct horse")
	p.Check("a", password, h)
	if n := testing.AllocsPerRun(200, func() { p.Check("a", password, h) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
