package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ok := write("good.yaml", "listeners: [{ address: \":8080\" }]\nroutes: [{ match: /, respond: { status: 204 } }]\n")
	bad := write("bad.yaml", "listeners: 1\n")
	for _, c := range []struct {
		args string
		want int
	}{
		{"version", good},
		{"--help", good},
		{"check --help", good},
		{"check -c " + ok, good},
		{"routes -c " + ok, good},
		{"eval 1+1", good},
		{"schema", good},
		{"policies", good},
		{"problems --json", good},
		{"check -c " + bad, findings},
		{"check --json -c " + bad, findings},
		{"check -c " + dir + "/nothing.yaml", findings},
		{"routes -c " + bad, findings},
		{"run -c " + bad, findings},
		{"run -c " + dir + "/nothing.yaml", findings},
		{"eval 1+", findings},
		{"eval request.nothing", findings},
		{"eval 1 --request " + dir + "/nothing.txt", findings},
		{"", usage},
		{"nothing", usage},
		{"check --nothing", usage},
		{"check -c", usage},
		{"version extra", usage},
		{"policies a b", usage},
		{"policies nothing", usage},
		{"eval 1 --client nobody", usage},
	} {
		var out, err bytes.Buffer
		if got := execute(strings.Fields(c.args), strings.NewReader(""), &out, &err); got != c.want {
			t.Errorf("sallyport %s: code %d, want %d\n%s%s", c.args, got, c.want, out.String(), err.String())
		}
		if c.want == usage && (out.Len() > 0 || err.Len() == 0) {
			t.Errorf("sallyport %s: an error of usage belongs to standard error only: %s", c.args, out.String())
		}
		if strings.Contains(out.String()+err.String(), "\x1b") {
			t.Errorf("sallyport %s: colours without a terminal", c.args)
		}
	}
}
