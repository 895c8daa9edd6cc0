package route

import "testing"

func TestConditions(t *testing.T) {
	list := with(t, rules(t, "/h", "/h", "/h", "/h", "/q", "/q", "/c", "/c", "/u"),
		"0 header X-Env=prod", "1 header x-env~^(dev|test)$", "2 header !X-Env", "4 query a b=c&d", "6 cookie sid=1", "8 header Upgrade=websocket")
	tab := table(t, list)
	for i, r := range list {
		r.Name = string(rune('0' + i))
	}
	for _, c := range []struct {
		request string
		fields  []string
		want    string
	}{
		{"GET /h", nil, "2"},
		{"GET /h", []string{"x-ENV: prod"}, "0"},
		{"GET /h", []string{"X-Env: dev"}, "1"},
		{"GET /h", []string{"X-Env: devs"}, "3"},
		{"GET /h", []string{"X-Env: "}, "3"},
		{"GET /h", []string{"X-Env: dev", "X-Env: prod"}, "1"},
		{"GET /q?a+b=c%26d", nil, "4"},
		{"GET /q?x&&a%20b=c%26d&a+b=x", nil, "4"},
		{"GET /q?a+b=x&a+b=c%26d", nil, "5"},
		{"GET /q?a+bc=c%26d", nil, "5"},
		{"GET /q?a+=c%26d", nil, "5"},
		{"GET /q?a%2bb=c%26d", nil, "5"},
		{"GET /q?a+b", nil, "5"},
		{"GET /q?%=%zz", nil, "5"},
		{"GET /q?a+b=%zz", nil, "bad_request"},
		{"GET /c", []string{"Cookie: a=b; sid=1; sid=2"}, "6"},
		{"GET /c", []string{`Cookie: a=b`, `Cookie: sid="1"`}, "6"},
		{"GET /c", []string{"Cookie: SID=1"}, "7"},
		{"GET /c", []string{"Cookie: sid"}, "7"},
		{"GET /c", []string{"Cookie: xsid=1"}, "7"},
		{"GET /u", nil, "no_route"},
		{"DELETE /u", nil, "no_route"},
	} {
		x := exchange(t, c.request, c.fields...)
		r, err := tab.Find(x)
		if got := outcome(x, r, err); got != c.want {
			t.Errorf("%s %q: got %s, want %s", c.request, c.fields, got, c.want)
		}
	}
	x := exchange(t, "GET /u")
	x.Request.Upgrade = "websocket"
	if r, err := tab.Find(x); outcome(x, r, err) != "8" {
		t.Errorf("upgrade: %s", outcome(x, r, err))
	}
}

func TestConditionsAllocate(t *testing.T) {
	tab := table(t, with(t, rules(t, "/h", "/h", "/h"), "0 header X-Env=prod", "0 query q=2", "0 cookie sid=1", "1 header X-Env~^x"))
	x := exchange(t, "GET /h?p=1&q=2", "A: b", "X-Env: prod", "Cookie: a=b; sid=1")
	if n := testing.AllocsPerRun(100, func() {
		if r, err := tab.Find(x); err != nil || len(r.Match.Cookies) == 0 {
			t.Fatal(r, err)
		}
	}); n != 0 {
		t.Errorf("allocates %v times", n)
	}
}

func TestWhen(t *testing.T) {
	list := with(t, rules(t, "/w/{id}", "/w/{id}", "/w/{id}"), `0 when request.headers["x-beta"] == "1"`, `1 when request.params.id == "7" && request.query.q == "a"`, "0 priority 1")
	tab := table(t, list)
	for i, r := range list {
		r.Name = string(rune('0' + i))
	}
	for request, want := range map[string]string{
		"GET /w/1": "2 id=1", "GET /w/7?q=a": "1 id=7", "GET /w/7?q=b": "2 id=7", "GET /w/7?q=%zz": "bad_request", "BETA /w/7?q=a": "0 id=7", "GET /w/1?q=%zz": "2 id=1",
	} {
		x := exchange(t, request)
		if x.Request.Method == "BETA" {
			x.Request.Header.Add("X-Beta", "1")
		}
		r, err := tab.Find(x)
		if got := outcome(x, r, err); got != want {
			t.Errorf("%s: got %s, want %s", request, got, want)
		}
	}
}
