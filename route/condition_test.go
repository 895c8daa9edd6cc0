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
