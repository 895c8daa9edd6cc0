package wire

import (
	"fmt"
	"strings"
	"testing"
)

const (
	traceID = "0af7651916cd43dd8448eb211c80319c"
	spanID  = "b7ad6b7169203331"
)

// Each case follows a rule of the recommendation: W3C Trace Context, Level 2, §3.2 and §4.2–4.3.
func TestTraceparent(t *testing.T) {
	const parent = "00-" + traceID + "-" + spanID
	for _, c := range []struct {
		name, in string
		flags    string // of the continued trace, "" when a new one must begin
	}{
		{"sampled", parent + "-01", "01"},
		{"not sampled", parent + "-00", "00"},
		{"random", parent + "-02", "02"},
		{"sampled and random", parent + "-03", "03"},
		{"flags that nobody knows", parent + "-ff", "03"},
		{"flags that nobody knows, unsampled", parent + "-fc", "00"},
		{"white space around", "\t " + parent + "-01 \t", "01"},
		{"a later version of the same length", "cc-" + traceID + "-" + spanID + "-01", "01"},
		{"a later version that says more", "cc-" + traceID + "-" + spanID + "-01-what-the-future-will-be-like", "01"},
		{"a later version with an empty rest", "cc-" + traceID + "-" + spanID + "-01-", "01"},
		{"a later version, other flags", "cc-" + traceID + "-" + spanID + "-05", "01"},

		{"none", "", ""},
		{"empty", " ", ""},
		{"version 00 that says more", parent + "-01-x", ""},
		{"version 00 with a dash at the end", parent + "-01-", ""},
		{"a later version that goes on without a dash", "cc-" + traceID + "-" + spanID + "-01.what", ""},
		{"version ff", "ff-" + traceID + "-" + spanID + "-01", ""},
		{"a version in upper case", "CC-" + traceID + "-" + spanID + "-01", ""},
		{"a version that is no hex", ".0-" + traceID + "-" + spanID + "-01", ""},
		{"a version of one digit", "0-" + traceID + "-" + spanID + "-01", ""},
		{"a version of three digits", "000-" + traceID + "-" + spanID + "-01", ""},
		{"trace id zero", "00-" + strings.Repeat("0", 32) + "-" + spanID + "-01", ""},
		{"trace id in upper case", "00-" + strings.ToUpper(traceID) + "-" + spanID + "-01", ""},
		{"trace id that is no hex", "00-." + traceID[1:] + "-" + spanID + "-01", ""},
		{"trace id too short", "00-" + traceID[1:] + "-" + spanID + "-01", ""},
		{"trace id too long", "00-" + traceID + "0-" + spanID + "-01", ""},
		{"span id zero", "00-" + traceID + "-0000000000000000-01", ""},
		{"span id in upper case", "00-" + traceID + "-" + strings.ToUpper(spanID) + "-01", ""},
		{"span id that is no hex", "00-" + traceID + "-." + spanID[1:] + "-01", ""},
		{"span id too short", "00-" + traceID + "-" + spanID[1:] + "-01", ""},
		{"span id too long", "00-" + traceID + "-" + spanID + "0-01", ""},
		{"flags that are no hex", parent + "-.0", ""},
		{"flags in upper case", parent + "-0A", ""},
		{"flags of one digit", parent + "-1", ""},
		{"flags of three digits", parent + "-001", ""},
		{"flags missing", parent, ""},
		{"other separators", "00_" + traceID + "_" + spanID + "_01", ""},
		{"a list", parent + "-01," + parent + "-01", ""},
		{"given twice", parent + "-01|" + parent + "-01", ""},
		{"given twice, one of them bad", parent + "-01|x", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request("203.0.113.9:1", "A: b", "tracestate: foo=1")
			for _, v := range strings.Split(c.in, "|") {
				if v != "" {
					r.Header.AddRead(Traceparent, "TraceParent", strings.Trim(v, " \t"))
				}
			}
			r.Header.AddRead(Other, "C", "d")
			got := ContinueTrace(r)
			if fields := r.Header.Values("traceparent"); len(fields) != 1 || fields[0] != got.Parent {
				t.Fatalf("the fields are %q, the trace is %q", fields, got.Parent)
			}
			if !validParent(got.Parent) || len(got.Parent) != 55 || got.Parent[:3] != "00-" {
				t.Fatalf("%q is no traceparent of version 00", got.Parent)
			}
			flags := got.Parent[53:]
			if c.flags == "" {
				if got.TraceID() == traceID || flags != "02" || got.Sampled || got.State != "" || r.Header.Has("tracestate") {
					t.Errorf("%+v is not a new, unsampled trace", got)
				}
				return
			}
			if got.TraceID() != traceID || got.Parent[36:52] == spanID || flags != c.flags || got.Sampled != (flags[1]&1 == 1) {
				t.Errorf("%+v does not continue the trace with flags %s", got, c.flags)
			}
			if got.State != "foo=1" || r.Header.Get("tracestate") != "foo=1" {
				t.Errorf("the state is %q, in the header %q", got.State, r.Header.Get("tracestate"))
			}
		})
	}
}

func TestTracestate(t *testing.T) {
	members := func(n int) string {
		s := make([]string, n)
		for i := range s {
			s[i] = fmt.Sprintf("k%d=1", i)
		}
		return strings.Join(s, ",")
	}
	a := func(n int) string { return strings.Repeat("a", n) }
	for _, c := range []struct{ name, in, want string }{
		{"one", "foo=1", "foo=1"},
		{"several", "foo=1,bar=2", "foo=1,bar=2"},
		{"several lines", "foo=1\nbar=2\nbaz=3", "foo=1,bar=2,baz=3"},
		{"an empty line among them", "foo=1\n\nbar=2", "foo=1,bar=2"},
		{"empty", "", ""},
		{"empty members only", ", ,\t,", ""},
		{"empty members", "foo=1,,bar=2,", "foo=1,,bar=2,"},
		{"white space", "foo=1 \t , \t bar=2", "foo=1 \t , \t bar=2"},
		{"white space in several lines", "foo=1 ,\tbar=2\nbaz=3", "foo=1,bar=2,baz=3"},
		{"all characters of a key", "abcdefghijklmnopqrstuvwxyz0123456789_-*/@x=1", "abcdefghijklmnopqrstuvwxyz0123456789_-*/@x=1"},
		{"a key that begins with a digit", "0foo=1", "0foo=1"},
		{"a tenant", "fw529a3039@dt=FfD_oe4A", "fw529a3039@dt=FfD_oe4A"},
		{"all characters of a value", "a= !\"#$%&'()*+-./09:;<>?@AZ[\\]^_`az{|}~", "a= !\"#$%&'()*+-./09:;<>?@AZ[\\]^_`az{|}~"},
		{"a value that begins with a space", "foo= 1", "foo= 1"},
		{"the longest key", a(256) + "=1", a(256) + "=1"},
		{"the longest value", "foo=" + a(256), "foo=" + a(256)},
		{"32 members", members(32), members(32)},
		{"a key given twice", "foo=1,bar=2,foo=3", "foo=1,bar=2"},
		{"a key given twice in two lines", "foo=1\nfoo=1", "foo=1"},

		{"33 members", members(33), ""},
		{"33 members in two lines", members(20) + "\nx=1,y=1" + strings.Repeat(",z=1", 11), ""},
		{"too long a key", a(257) + "=1", ""},
		{"too long a value", "foo=" + a(257), ""},
		{"a key in upper case", "FOO=1", ""},
		{"a dot in a key", "foo.bar=1", ""},
		{"a space behind a key", "foo =1", ""},
		{"a key that begins with @", "@foo=1,bar=2", ""},
		{"no key", "=1", ""},
		{"no value", "foo=,bar=3", ""},
		{"no sign", "foo,bar=3", ""},
		{"two signs", "foo=bar=baz", ""},
		{"a tab in a value", "foo=a\tb", ""},
		{"not ASCII", "foo=é", ""},
		{"one bad member spoils all lines", "foo=1\nBAR=2", ""},

		{"512 bytes", "a=" + a(253) + ",b=" + a(254), "a=" + a(253) + ",b=" + a(254)},
		{"513 bytes: long members are cut first", "s=1,a=" + a(253) + ",b=" + a(254) + ",z=1", "s=1,a=" + a(253) + ",z=1"},
		{"then members at the end", "a=" + a(120) + ",b=" + a(120) + ",c=" + a(120) + ",d=" + a(120) + ",e=" + a(120),
			"a=" + a(120) + ",b=" + a(120) + ",c=" + a(120) + ",d=" + a(120)},
		{"white space does not count", "a=" + a(200) + strings.Repeat(" ", 400) + ",b=1", "a=" + a(200) + ",b=1"},
		{"a member of 513 bytes", a(256) + "=" + a(256), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request("203.0.113.9:1", "traceparent: 00-"+traceID+"-"+spanID+"-01")
			for _, v := range strings.Split(c.in, "\n") {
				r.Header.AddRead(Tracestate, "TraceState", v)
			}
			got := ContinueTrace(r)
			if got.TraceID() != traceID {
				t.Errorf("the trace is %+v: a bad state spoils the state alone", got)
			}
			fields := r.Header.Values("tracestate")
			if got.State != c.want || c.want == "" && len(fields) != 0 || c.want != "" && (len(fields) != 1 || fields[0] != c.want) {
				t.Errorf("got %q, in the header %q, want %q", got.State, fields, c.want)
			}
		})
	}
}

func FuzzTrace(f *testing.F) {
	f.Add("00-"+traceID+"-"+spanID+"-01", "foo=1,bar=2", "baz=3")
	f.Fuzz(func(t *testing.T, parent, a, b string) {
		r := request("203.0.113.9:1", "traceparent: "+parent)
		r.Header.AddRead(Tracestate, "tracestate", a)
		r.Header.AddRead(Tracestate, "tracestate", b)
		got := ContinueTrace(r)
		if !validParent(got.Parent) || len(got.Parent) != traceparentLen {
			t.Errorf("%q makes %q", parent, got.Parent)
		}
		if len(got.State) > maxStateText {
			t.Errorf("%q and %q make a state of %d bytes", a, b, len(got.State))
		}
		// What goes out is taken as it is by the next participant.
		r.Header = header("traceparent: " + got.Parent)
		if got.State != "" {
			r.Header.AddRead(Tracestate, "tracestate", got.State)
		}
		if again := ContinueTrace(r); again.State != got.State || again.TraceID() != got.TraceID() {
			t.Errorf("%+v becomes %+v", got, again)
		}
	})
}
