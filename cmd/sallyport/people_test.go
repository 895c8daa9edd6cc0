package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sallyport/identity"
)

// apart runs one command line in this process and keeps its two outputs apart.
func apart(in string, args ...string) (code int, out, notes string) {
	var o, n bytes.Buffer
	code = execute(args, strings.NewReader(in), &o, &n)
	return code, o.String(), n.String()
}

// What was made before the first start is good when the gateway runs, what is changed then is good at once, and after an upgrade as well.
func TestPeopleOfAGatewayThatRuns(t *testing.T) {
	i := install(t)
	c := []string{"-c", i.document()}
	made := func(in string, args ...string) string {
		t.Helper()
		code, out, notes := apart(in, append(args, c...)...)
		if code != good {
			t.Fatalf("%v: %d\n%s%s", args, code, out, notes)
		}
		return strings.TrimSpace(out)
	}
	i.write("listeners: [\"127.0.0.1:0\"]\nroutes: [{ match: /, respond: {} }]\nadmin: \"" + port(t) + "\"\n")
	made("", "consumers", "create", "acme")
	made("correct horse\n", "credentials", "add", "--consumer", "acme", "--username", "before")

	_, front, _ := i.run("apis: [{ name: people, base_path: /in, policies: [{ basic_auth: {} }], routes: [{ match: /, respond: {} }] }]\n")
	status := func(user string) int {
		r, _ := http.NewRequest("GET", "http://"+front+"/in/", nil)
		r.SetBasicAuth(user, "correct horse")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	if got := status("before"); got != 200 {
		t.Errorf("what was made before the first start: %d", got)
	}
	id := strings.Fields(made("correct horse", "credentials", "add", "--consumer", "acme", "--username", "while"))[1]
	key := made("", "keys", "create", "--consumer", "acme")
	if at := identity.FindKeys([]byte(key)); len(at) != 1 || len(key) != identity.KeyLength {
		t.Errorf("%q is no key", key)
	}
	if got := status("while"); got != 200 {
		t.Errorf("what was made a moment ago: %d", got)
	}
	made("", "credentials", "remove", id)
	if got := status("while"); got != 401 {
		t.Errorf("what was taken back a moment ago: %d", got)
	}
	copied := filepath.Join(i.dir, "copy.db")
	made("", "store", "backup", copied)
	if b, err := os.ReadFile(copied); err != nil || !bytes.HasPrefix(b, []byte("SQLite format 3")) {
		t.Errorf("the backup is none: %v", err)
	}

	i.upgrade()
	if got := status("before"); got != 200 {
		t.Errorf("after an upgrade: %d", got)
	}
	if list := made("", "keys", "list"); !strings.Contains(list, key[:identity.KeyShown]+"…") || strings.Contains(list, key) {
		t.Errorf("after an upgrade:\n%s", list)
	}
	if code, _, notes := apart("", "keys", "list", "-c", i.document(), "--data", filepath.Join(i.dir, "other")); code != findings || !strings.Contains(notes, "no token") {
		t.Errorf("without the token: %d %s", code, notes)
	}
}

func TestFindKeys(t *testing.T) {
	code, out, _ := apart("", "keys", "check")
	if code != good || out != "" {
		t.Errorf("in nothing: %d %s", code, out)
	}
	key := "sp_rRT1R85hRRwJweTMfAKVKawcSLBYCjnz3ZMuZ0"
	for name, text := range map[string]string{
		"alone": key, "in a line": "x\ny: \"" + key + "\"\n", "in a URL": "https://h/?key=" + key + "&x", "behind a long line": strings.Repeat("x", 200<<10) + key,
		"at the edge of what is read at once": strings.Repeat("x", 64<<10-20) + key + "\n", "behind half of one": key[:20] + key,
	} {
		code, out, notes := apart(text, "keys", "check")
		if code != findings || strings.Count(out, "sp_rRT1R85h…") != 1 || strings.Contains(out+notes, key) {
			t.Errorf("%s: %d %s%s", name, code, out, notes)
		}
	}
	for name, text := range map[string]string{"mistyped": strings.Replace(key, "R85", "R86", 1), "cut short": key[:40], "on two lines": key[:20] + "\n" + key[20:]} {
		if code, out, _ := apart(text, "keys", "check"); code != good {
			t.Errorf("%s: %d %s", name, code, out)
		}
	}
	if code, _, notes := apart("", "keys", "check", filepath.Join(t.TempDir(), "none")); code != findings || !strings.Contains(notes, "no such file") {
		t.Errorf("no file: %d %s", code, notes)
	}
}

// A full takes nothing, as a disk or pipe that is.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// A key that nobody has seen is told, with the way to take it back.
func TestKeyThatCannotBePrinted(t *testing.T) {
	i := install(t)
	i.write("listeners: [\"127.0.0.1:0\"]\nadmin: \"" + port(t) + "\"\nconsumers: [{ name: acme }]\nroutes: [{ match: /, respond: {} }]\n")
	for _, format := range []string{"--json=false", "--json"} {
		var notes bytes.Buffer
		code := execute([]string{"keys", "create", "--consumer", "acme", format, "-c", i.document()}, strings.NewReader(""), full{}, &notes)
		if code != findings || !strings.Contains(notes.String(), "could not be printed, so nobody has it: no space left on device; sallyport keys revoke k_") {
			t.Errorf("%s: %d: %s", format, code, notes.String())
		}
	}
}
