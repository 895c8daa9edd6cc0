package telemetry

import (
	"net/url"
	"strings"
	"testing"
)

func TestQueryMask(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"page=2&sort=name", "page=2&sort=name"},
		{"token=abc", "token=***"},
		{"a=1&access_token=abc&b=2", "a=1&access_token=***&b=2"},
		{"a=1;password=abc;b=2", "a=1;password=***;b=2"},
		{"Api-Key=abc&API_KEY=abc&apiKey=abc&x-api-key=abc&key=abc", "Api-Key=***&API_KEY=***&apiKey=***&x-api-key=***&key=***"},
		{"client_secret=abc&code=abc&id_token_hint=abc", "client_secret=***&code=***&id_token_hint=***"},
		{"X-Amz-Credential=abc&X-Amz-Signature=abc&X-Amz-Security-Token=abc&X-Amz-Date=d", "X-Amz-Credential=***&X-Amz-Signature=***&X-Amz-Security-Token=***&X-Amz-Date=d"},
		{"sv=1&sig=abc", "sv=1&sig=***"},
		{"subscription-key=abc&hub.verify_token=abc", "subscription-key=***&hub.verify_token=***"},
		{"user[password]=abc&user%5Bpassword%5D=abc&user[name]=x", "user[password]=***&user%5Bpassword%5D=***&user[name]=x"},
		{"%74oken=abc&to%6Ben=abc&%54OKEN=abc&+token=abc", "%74oken=***&to%6Ben=***&%54OKEN=***&+token=***"},
		{"token=a=b=c", "token=***"},
		{"token=&token&x", "token=&token&x"},
		{"q=eyJhbGciOiJub25lIn0.e30.x&r=eyJ", "q=***&r=eyJ"},
		{"eyJhbGciOiJub25lIn0.e30.x", "***"},
		{"partner=sp_Example00000000000000000000000011mcswM&q=sp_x", "partner=***&q=sp_x"},
		{"a&eyJhbGciOiJub25lIn0.e30.x&b", "a&***&b"},
		{"keyboard=x&monkey=y&tokyo=z&page_size=3&passenger=4", "keyboard=x&monkey=***&tokyo=z&page_size=3&passenger=4"},
		{strings.Repeat("a", 65) + "=abc", strings.Repeat("a", 65) + "=***"},
		{"=token&&=&", "=token&&=&"},
		{"%=x&%7=x&%zz=x&token%=abc&token%f=abc", "%=x&%7=x&%zz=x&token%=***&token%f=***"},
		{"token=\"\n", "token=***"},
		{"a=\"\n&token=x", `a=\"\n&token=***`},
	} {
		if got := string(appendQuery(nil, c.in, longField)); got != c.want {
			t.Errorf("%q:\ngot  %s\nwant %s", c.in, got, c.want)
		}
	}
}

func TestRefererMask(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"https://example.com/a/b", "https://example.com/a/b"},
		{"https://example.com/?a=1&token=abc", "https://example.com/?a=1&token=***"},
		{"https://user:abc@example.com/?code=abc", "https://***@example.com/?code=***"},
		{"https://user:abc@x@example.com", "https://***@example.com"},
		{"https://example.com/@abc", "https://example.com/@abc"},
		{"about:blank", "about:blank"},
		{"?", "?"},
	} {
		if got := string(appendReferer(nil, c.in, longField)); got != c.want {
			t.Errorf("%q: got %s, want %s", c.in, got, c.want)
		}
	}
}

// FuzzMask wants no secret in the log however its parameter is spelt and whatever stands around it.
func FuzzMask(f *testing.F) {
	const secret = "S3CR3TS3CR3T"
	f.Add("a=1&", "token", "&b=2", uint16(100))
	f.Add("%00;", "%74%6f%6B%65%6e", ";", uint16(9000))
	f.Add("", "Api.Key", "", uint16(30))
	f.Fuzz(func(t *testing.T, before, name, after string, limit uint16) {
		clean, err := url.QueryUnescape(name)
		if err != nil || strings.ContainsAny(name, "&;=") || strings.Contains(before+name+after, secret[:4]) {
			return
		}
		known := false
		for _, word := range []string{"token", "secret", "password", "api_key", "signature"} {
			known = known || strings.Contains(strings.ToLower(clean), word)
		}
		if !known {
			return
		}
		if before != "" && !strings.HasSuffix(before, "&") {
			before += "&"
		}
		query := before + name + "=" + secret + "&" + after
		for _, got := range []string{
			string(appendQuery(nil, query, int(limit))),
			string(appendReferer(nil, "https://u:"+secret+"@h/?"+query, int(limit))),
		} {
			if strings.Contains(got, secret[:4]) {
				t.Errorf("%q: the secret is in %q", query, got)
			}
			if len(got) > int(limit)+64 {
				t.Errorf("%d bytes were written, want about %d", len(got), limit)
			}
		}
	})
}
