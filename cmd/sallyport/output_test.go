package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestColours(t *testing.T) {
	device, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0) // a character device, as a terminal is
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "xterm")
	if !printer(device).on || printer(file).on || printer(&bytes.Buffer{}).on {
		t.Error("colours belong to character devices only")
	}
	if got := printer(device).red("x"); got != "\x1b[31mx\x1b[0m" {
		t.Errorf("got %q", got)
	}
	t.Setenv("NO_COLOR", "1")
	if printer(device).on {
		t.Error("NO_COLOR is disregarded")
	}
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "dumb")
	if printer(device).on {
		t.Error("a dumb terminal gets colours")
	}
}

func TestTable(t *testing.T) {
	var b bytes.Buffer
	table(&b, []string{"A", "LONG"}, [][]string{{"äöü", "x"}, {"", "y"}})
	if want := "A    LONG\näöü  x\n     y\n"; b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestWrap(t *testing.T) {
	long := "0123456789 "
	for range 4 {
		long += long
	}
	got := wrap(long, "  ")
	for i, line := range bytes.Split([]byte(got), []byte("\n")) {
		if len(line) > 96 || i == 0 && len(line) < 80 {
			t.Errorf("line %d has %d characters", i, len(line))
		}
	}
}

func TestNothingSteersATerminal(t *testing.T) {
	for text, want := range map[string]string{
		"Grüße, 世界 👨‍👩‍👧\tand\nmore":         "Grüße, 世界 👨‍👩‍👧\tand\nmore",
		"\x1b]0;title\a\x1b[31mred\x1b[0m\r": `\u001b]0;title\u0007\u001b[31mred\u001b[0m\u000d`,
		"\u009b31m\x7f\u202eback\u2066\x00":  `\u009b31m\u007f\u202eback\u2066\u0000`,
		"\xff\x9b cut short \xe2\x80":        "\xff\x9b cut short \xe2\x80",
	} {
		var b bytes.Buffer
		if n, err := newShown(&b).Write([]byte(text)); n != len(text) || err != nil || b.String() != want {
			t.Errorf("%q: got %q, %d, %v", text, b.String(), n, err)
		}
	}
	var b bytes.Buffer
	_, _ = shown{&b, true}.Write([]byte("\x1b[31mred\x1b[0m \x1b[2J\x1b[38;5;1m"))
	if want := "\x1b[31mred\x1b[0m " + `\u001b[2J\u001b[38;5;1m`; b.String() != want {
		t.Errorf("painted: got %q", b.String())
	}
}
