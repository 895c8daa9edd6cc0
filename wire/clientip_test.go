package wire

import (
	"net/netip"
	"strings"
	"testing"
)

func TestClientBehindProxies(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"one hop", "X-Forwarded-For: 198.51.100.7", "198.51.100.7"},
		{"through another proxy of ours", "X-Forwarded-For: 198.51.100.7, 10.9.9.9", "198.51.100.7"},
		{"all are proxies of ours", "X-Forwarded-For: 10.0.0.3, 10.0.0.2", "10.0.0.3"},
		{"invented hops at the left", "X-Forwarded-For: 6.6.6.6, 198.51.100.7, 10.9.9.9", "198.51.100.7"},
		{"several lines", "X-Forwarded-For: 6.6.6.6|X-Forwarded-For: 198.51.100.7|X-Forwarded-For: 10.9.9.9", "198.51.100.7"},
		{"white space and empty elements", "X-Forwarded-For: ,,\t198.51.100.7 , ,10.9.9.9,", "198.51.100.7"},
		{"with a port", "X-Forwarded-For: 198.51.100.7:4711", "198.51.100.7"},
		{"IPv6", "X-Forwarded-For: 2001:db8::7", "2001:db8::7"},
		{"IPv6 in brackets", "X-Forwarded-For: [2001:db8::7]", "2001:db8::7"},
		{"IPv6 with a port", "X-Forwarded-For: [2001:db8::7]:4711", "2001:db8::7"},
		{"quoted", `X-Forwarded-For: "[2001:db8::7]:4711"`, "2001:db8::7"},
		{"mapped", "X-Forwarded-For: ::ffff:198.51.100.7", "198.51.100.7"},
		{"mapped, and one of ours", "X-Forwarded-For: 198.51.100.7, ::ffff:10.1.1.1", "198.51.100.7"},
		{"IPv6 proxy of ours", "X-Forwarded-For: 198.51.100.7, 2001:db8:ffff::1", "198.51.100.7"},

		{"unknown", "X-Forwarded-For: 198.51.100.7, unknown", "10.0.0.1"},
		{"garbage ends the walk", "X-Forwarded-For: 198.51.100.7, <script>, 10.9.9.9", "10.9.9.9"},
		{"leading zeros", "X-Forwarded-For: 198.51.100.7, 010.0.0.1", "10.0.0.1"},
		{"too large a number", "X-Forwarded-For: 256.1.1.1", "10.0.0.1"},
		{"a short form", "X-Forwarded-For: 127.1", "10.0.0.1"},
		{"a number", "X-Forwarded-For: 2130706433", "10.0.0.1"},
		{"a zone", "X-Forwarded-For: fe80::1%eth0", "10.0.0.1"},
		{"an empty port", "X-Forwarded-For: 198.51.100.7:", "10.0.0.1"},
		{"a port out of range", "X-Forwarded-For: 198.51.100.7:65536", "10.0.0.1"},
		{"brackets around IPv4", "X-Forwarded-For: [198.51.100.7]", "10.0.0.1"},
		{"an open bracket", "X-Forwarded-For: [2001:db8::7", "10.0.0.1"},
		{"bytes behind the bracket", "X-Forwarded-For: [2001:db8::7]x", "10.0.0.1"},
		{"a bare port behind brackets", "X-Forwarded-For: [2001:db8::7]:", "10.0.0.1"},
		{"two addresses in one element", "X-Forwarded-For: 198.51.100.7 10.9.9.9", "10.0.0.1"},
		{"empty", "X-Forwarded-For:", "10.0.0.1"},
		{"a lone quote", `X-Forwarded-For: "`, "10.0.0.1"},
		{"a quote that the client left open", `X-Forwarded-For: "6.6.6.6, 198.51.100.7`, "198.51.100.7"},

		{"Forwarded", "Forwarded: for=198.51.100.7;proto=https;by=10.0.0.1", "198.51.100.7"},
		{"names without case", "forwarded: By=10.0.0.1;FOR=198.51.100.7", "198.51.100.7"},
		{"Forwarded, IPv6 with a port", `Forwarded: for="[2001:db8::7]:4711"`, "2001:db8::7"},
		{"Forwarded, several elements", "Forwarded: for=6.6.6.6, for=198.51.100.7;proto=http, for=10.9.9.9", "198.51.100.7"},
		{"Forwarded, several lines", "Forwarded: for=6.6.6.6|Forwarded: for=198.51.100.7|Forwarded: for=10.9.9.9", "198.51.100.7"},
		{"commas and semicolons in quotes", `Forwarded: for=198.51.100.7;host="a,b;for=6.6.6.6"`, "198.51.100.7"},
		{"an escaped quote", `Forwarded: for=198.51.100.7;host="a\",for=6.6.6.6;b=\""`, "198.51.100.7"},
		{"an open quote at the left", `Forwarded: for="6.6.6.6, for=198.51.100.7`, "198.51.100.7"},
		{"white space around pairs", "Forwarded: proto=http ; for=198.51.100.7", "198.51.100.7"},
		{"an obfuscated port", `Forwarded: for="198.51.100.7:_x"`, "198.51.100.7"},
		{"hidden", "Forwarded: for=198.51.100.7, for=_hidden", "10.0.0.1"},
		{"for twice", "Forwarded: for=198.51.100.7;for=6.6.6.6", "10.0.0.1"},
		{"no for", "Forwarded: for=198.51.100.7, proto=https", "10.0.0.1"},
		{"no value", "Forwarded: for", "10.0.0.1"},
		{"a space before the sign", "Forwarded: for =198.51.100.7", "10.0.0.1"},

		{"X-Forwarded-For goes first", "X-Forwarded-For: 198.51.100.7|Forwarded: for=6.6.6.6", "198.51.100.7"},
		{"many hops", "X-Forwarded-For: 198.51.100.7" + strings.Repeat(", 10.1.1.1", 200), "198.51.100.7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request("10.0.0.1:1234", strings.FieldsFunc(c.in, func(c rune) bool { return c == '|' })...)
			var facts ConnFacts
			if got, _ := edge().Admit(r, &facts); got.String() != c.want {
				t.Errorf("client is %v, want %s", got, c.want)
			}
			// What we add is what the next gateway of ours reads.
			again := request("10.0.0.2:1")
			again.Header.CopyFrom(&r.Header)
			if got, _ := edge().Admit(again, new(ConnFacts)); got.String() != c.want {
				t.Errorf("behind one more proxy the client is %v, want %s; it was told\n%s", got, c.want, lines(&r.Header))
			}
		})
	}
}

func FuzzClient(f *testing.F) {
	f.Add("198.51.100.7, 10.9.9.9", `for="[2001:db8::7]:99";proto=https, for=10.1.1.1`)
	f.Add(`"`, `for="a\", for=1.2.3.4`)
	f.Fuzz(func(t *testing.T, xff, forwarded string) {
		if !ValidValue(xff) || !ValidValue(forwarded) {
			t.Skip()
		}
		// Whatever a client put at the left, what the proxy behind it adds decides.
		for _, fields := range [][]string{
			{"X-Forwarded-For: " + xff + ", 198.51.100.7"},
			{"X-Forwarded-For: " + xff, "X-Forwarded-For: 198.51.100.7"},
			{"Forwarded: " + forwarded + ", for=198.51.100.7"},
			{"Forwarded: " + forwarded, "Forwarded: for=198.51.100.7"},
		} {
			r := request("10.0.0.1:1", fields...)
			got, _ := edge().Admit(r, new(ConnFacts))
			if got != netip.MustParseAddr("198.51.100.7") {
				t.Errorf("%q makes the client %v", fields, got)
			}
			for i := range r.Header.Len() {
				if f := r.Header.At(i); !ValidToken(f.Name) || !ValidValue(f.Value) {
					t.Errorf("%q makes the field %q: %q", fields, f.Name, f.Value)
				}
			}
		}
	})
}
