package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/balance"
	"sallyport/gateway"
)

// line runs one command line in this process.
func line(args ...string) (code int, out string) {
	var b bytes.Buffer
	return execute(args, strings.NewReader(""), &b, &b), b.String()
}

// The commands for a gateway that runs, as an operator has them: with the token that was made, or one that was given.
func TestOperate(t *testing.T) {
	i := install(t)
	_, _, admin := i.run("upstreams: { users: { targets: [\"http://127.0.0.1:9101\", \"http://127.0.0.1:9102\"] } }\n")
	c := []string{"-c", i.document()}
	tokenFile := filepath.Join(i.dir, "data", "admin.token")
	token, err := os.ReadFile(tokenFile)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(i.dir, "copied.token")
	if err := os.WriteFile(copied, token, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, s := range []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"status", append([]string{"status"}, c...), 0, []string{"ready  sallyport", "number 1, 1 route", "http://127.0.0.1:9102  good"}},
		{"status as JSON", append([]string{"status", "--json"}, c...), 0, []string{`"ready": true`}},
		{"explain", append([]string{"explain", "GET", "/", "--live"}, c...), 0, []string{"Routes", "takes it"}},
		{"explain as JSON", append([]string{"explain", "GET", "/", "-H", "A: b", "-H", "A: c", "--live", "--json"}, c...), 0, []string{`"outcome": "answered"`}},
		{"explain a wrong question", append([]string{"explain", "GET", "ftp://x", "--live"}, c...), 1, []string{"neither http nor https"}},
		{"explain what is refused", append([]string{"explain", "TRACE", "/x", "--live"}, c...), 1, []string{"405 method_not_allowed"}},
		{"reload", append([]string{"reload"}, c...), 0, []string{"good: document number 2 is in service"}},
		{"upstreams", append([]string{"upstreams"}, c...), 0, []string{"users", "good"}},
		{"drain", append([]string{"upstreams", "drain", "users", "http://127.0.0.1:9101"}, c...), 0, []string{"is drained; 0 calls under way, 1 target left"}},
		{"drain again", append([]string{"upstreams", "drain", "users", "http://127.0.0.1:9101"}, c...), 0, []string{"as before"}},
		{"drained", append([]string{"upstreams"}, c...), 0, []string{"http://127.0.0.1:9101  drained"}},
		{"the last one", append([]string{"upstreams", "drain", "users", "http://127.0.0.1:9102"}, c...), 0, []string{"warning: no target of the upstream is left"}},
		{"restore", append([]string{"upstreams", "restore", "users", "http://127.0.0.1:9102"}, c...), 0, []string{"gets calls"}},
		{"no such upstream", append([]string{"upstreams", "drain", "user", "http://127.0.0.1:9102"}, c...), 1, []string{`did you mean "users"?`}},
		{"a target missing", append([]string{"upstreams", "drain", "users"}, c...), 2, []string{"name the upstream"}},
		{"no such command", append([]string{"upstreams", "drian"}, c...), 2, []string{`did you mean "drain"?`}},
		{"an argument", append([]string{"reload", "now"}, c...), 2, []string{"takes no arguments"}},
		{"elsewhere", append([]string{"status", "--admin", admin, "--token-file", tokenFile}, "-c", "none.yaml"), 0, []string{"ready"}},
		{"no token", []string{"status", "--admin", admin, "-c", filepath.Join(i.dir, "other", "none.yaml")}, 1, []string{"no token: set $SALLYPORT_TOKEN"}},
		{"a token for everybody", append([]string{"status", "--token-file", copied}, c...), 1, []string{"can be read by everybody"}},
		{"nobody there", append([]string{"status", "--admin", port(t)}, c...), 1, []string{"cannot be asked", "refused"}},
		{"no address", append([]string{"status", "--admin", "9901"}, c...), 1, []string{"is no address"}},
	} {
		if code, out := line(s.args...); code != s.code || !containsAll(out, s.want) {
			t.Errorf("%s: got %d\n%s\nwant %d with %q", s.name, code, out, s.code, s.want)
		}
	}
	t.Setenv(tokenVariable, strings.TrimSpace(string(token)))
	if code, out := line("status", "--admin", admin, "-c", "none.yaml"); code != 0 {
		t.Errorf("with the token in the environment: got %d %s", code, out)
	}
	t.Setenv(tokenVariable, "nonsense")
	if code, out := line(append([]string{"status"}, c...)...); code != 1 || !strings.Contains(out, "Invalid credentials") {
		t.Errorf("with a wrong token: got %d %s", code, out)
	}
	t.Setenv(tokenVariable, "")

	// A drained target is drained for the next program as well.
	i.upgrade()
	if code, out := line(append([]string{"upstreams"}, c...)...); code != 0 || !strings.Contains(out, "http://127.0.0.1:9101  drained") || !strings.Contains(out, "http://127.0.0.1:9102  good") {
		t.Errorf("after an upgrade: got %d\n%s", code, out)
	}

	i.write("listeners: [x]\nroutes: [{ match: /a }]\nadmin: " + admin + "\n")
	want := []string{":1:13: listeners[0].address: ", ":2:10: routes[0]", "The document before stays in service"}
	if code, out := line(append([]string{"reload"}, c...)...); code != 1 || !containsAll(out, want) {
		t.Errorf("reload of a broken document: got %d\n%s", code, out)
	}
	var answer struct {
		Status int
		Errors []map[string]string
	}
	code, out := line(append([]string{"reload", "--json"}, c...)...)
	if err := json.Unmarshal([]byte(out), &answer); code != 1 || err != nil || answer.Status != 409 || len(answer.Errors) != 2 || answer.Errors[0]["path"] != "listeners[0].address" ||
		!strings.HasSuffix(answer.Errors[0]["pos"], ":1:13") || answer.Errors[0]["message"] == "" {
		t.Errorf("got %d %+v\n%s", code, answer, out)
	}
	code, out = line(append([]string{"status"}, c...)...)
	if code != 1 || !containsAll(out, []string{"is refused:", "listeners[0].address"}) {
		t.Errorf("status with a broken document: got %d\n%s", code, out)
	}
}

func containsAll(text string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

// A status fits the screen whatever stands in it.
func TestStatusFits(t *testing.T) {
	long := strings.Repeat("a-very-long-name.", 10) + "example.com"
	s := gateway.Status{
		Version: "1", Ready: true, Started: time.Now().Add(-50 * time.Hour),
		Config: gateway.ConfigStatus{Source: "/etc/" + long, Errors: []string{strings.Repeat("what is wrong ", 20)}},
	}
	for n := range 3 {
		s.Listeners = append(s.Listeners, gateway.ListenerStatus{Address: fmt.Sprintf("%d%s:8080", n, long), Bound: "[2001:db8:1111:2222:3333:4444:5555:6666]:8080", Connections: 123456})
	}
	s.Upstreams = []balance.Status{{Name: long, Targets: []balance.TargetStatus{
		{URL: "http://" + long + ":8080", Healthy: true, Latency: "1.234567s", Active: 100, Open: 1000, Waiting: 1000},
		{URL: "http://10.0.0.1:1", Why: "out", Out: "8.123s"},
	}}}
	at := time.Now().Add(-3 * time.Hour)
	s.Store = &gateway.StoreStatus{File: "/var/lib/" + long, State: "open", Bytes: 41_000, Schema: 1, Failures: 1, BackedUp: &at}
	day := time.Date(2027, 6, 30, 0, 0, 0, 0, time.UTC)
	s.Versions = []gateway.VersionStatus{
		{API: long, Name: long, Deprecated: &day, Sunset: &day, Default: true, Requests: 123456},
		{API: "shop", Name: "v0", Deprecated: &day, Sunset: &day, Gone: true},
	}
	var b strings.Builder
	printStatus(&b, &s, time.Now())
	for row := range strings.Lines(b.String()) {
		if n := len([]rune(strings.TrimRight(row, "\n"))); n > screen && !strings.HasPrefix(row, "document /etc/") && !strings.Contains(row, "/var/lib/") && !strings.Contains(row, "/etc/") {
			t.Errorf("%d columns: %s", n, row)
		}
	}
	if !strings.Contains(b.String(), "out 8.123s") || !strings.Contains(b.String(), "up 2d2h") || !strings.Contains(b.String(), "1.235s") ||
		!strings.Contains(b.String(), "41 KiB, schema 1, backed up 3h0m ago") || !strings.Contains(b.String(), "1 change could not be written") || !strings.Contains(b.String(), "deprecated, sunset 2027-06-30, default") {
		t.Errorf("got\n%s", b.String())
	}
}
