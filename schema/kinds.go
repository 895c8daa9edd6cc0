package schema

// Which Go types have a notation of their own in documents, and how each is read.

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// special recognises the types that are not read by the shape that Go gives them; structKind means none of them.
func special(g reflect.Type) kind {
	switch g {
	case reflect.TypeFor[time.Duration]():
		return durationKind
	case reflect.TypeFor[Size]():
		return sizeKind
	case reflect.TypeFor[Rate]():
		return rateKind
	case reflect.TypeFor[Percent]():
		return percentKind
	case reflect.TypeFor[Secret]():
		return secretKind
	case reflect.TypeFor[*regexp.Regexp]():
		return regexpKind
	case reflect.TypeFor[*url.URL]():
		return urlKind
	case reflect.TypeFor[netip.Prefix]():
		return prefixKind
	case reflect.TypeFor[netip.Addr]():
		return addrKind
	case reflect.TypeFor[*Node]():
		return nodeKind
	}
	if g.Kind() == reflect.Pointer {
		return structKind
	}
	p := reflect.PointerTo(g)
	if p.Implements(reflect.TypeFor[Unmarshaler]()) {
		return ownKind
	}
	if p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return parsesKind
	}
	return structKind
}

// scalar sets v to what text says. Its error has no value in it: the caller decides whether that may be shown.
func (t *Type) scalar(text string, v reflect.Value, r *rules) error {
	switch t.kind {
	case textKind:
		v.SetString(text)
	case secretKind:
		v.Set(reflect.ValueOf(NewSecret(text)))
	case boolKind:
		if text != "true" && text != "false" {
			return fmt.Errorf("write true or false")
		}
		v.SetBool(text == "true")
	case intKind, uintKind, floatKind:
		return t.number(text, v)
	case durationKind:
		return set(v, text, ParseDuration)
	case sizeKind:
		return set(v, text, ParseSize)
	case rateKind:
		return set(v, text, ParseRate)
	case percentKind:
		return set(v, text, ParsePercent)
	case prefixKind:
		return set(v, text, ParsePrefix)
	case addrKind:
		return set(v, text, parseAddr)
	case regexpKind:
		return set(v, text, parseRegexp)
	case urlKind:
		return set(v, text, func(s string) (*url.URL, error) { return parseURL(s, r.enum) })
	case parsesKind:
		return v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text))
	}
	return nil
}

func set[T any](v reflect.Value, text string, parse func(string) (T, error)) error {
	x, err := parse(text)
	if err == nil {
		v.Set(reflect.ValueOf(x))
	}
	return err
}

// number reads decimal notation only: 0x1f, 0755 and 1_000 mean different things to different readers.
func (t *Type) number(text string, v reflect.Value) error {
	var err error
	plain := strings.TrimLeft(strings.TrimPrefix(text, "-"), "0123456789") == "" && !leadingZero(text)
	switch {
	case t.kind == floatKind:
		var f float64
		if leadingZero(text) || strings.ContainsAny(text, "_xXpPnNiI+") && !strings.ContainsAny(text, "eE") {
			err = strconv.ErrSyntax
		} else if f, err = strconv.ParseFloat(text, v.Type().Bits()); err == nil {
			v.SetFloat(f)
		}
		if err != nil {
			return fmt.Errorf("write a number such as 1.5")
		}
		return nil
	case !plain:
		err = strconv.ErrSyntax
	case t.kind == intKind:
		var i int64
		if i, err = strconv.ParseInt(text, 10, v.Type().Bits()); err == nil {
			v.SetInt(i)
		}
	default:
		var u uint64
		if u, err = strconv.ParseUint(text, 10, v.Type().Bits()); err == nil {
			v.SetUint(u)
		}
	}
	if errors.Is(err, strconv.ErrRange) {
		return t.outOfRange(text, v.Type().Bits())
	}
	if err != nil {
		return fmt.Errorf("write a whole number such as %s", map[bool]string{true: "10", false: "-1 or 10"}[t.kind == uintKind])
	}
	return nil
}

// outOfRange is the error of a number that the Go type has no room for.
func (t *Type) outOfRange(text string, bits int) error {
	switch {
	case t.kind == uintKind:
		return fmt.Errorf("the most is %d", uint64(math.MaxUint64)>>(64-bits))
	case strings.HasPrefix(text, "-"):
		return fmt.Errorf("the least is %d", int64(math.MinInt64)>>(64-bits))
	}
	return fmt.Errorf("the most is %d", int64(math.MaxInt64)>>(64-bits))
}

func leadingZero(text string) bool {
	text = strings.TrimPrefix(text, "-")
	return len(text) > 1 && text[0] == '0' && text[1] != '.' && text[1] != 'e' && text[1] != 'E'
}

// ParsePrefix reads a network, or an address for the network of it alone.
func ParsePrefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return p, fmt.Errorf("write a network such as 10.0.0.0/8 or an address")
	case p.Addr().Is4In6():
		return p, fmt.Errorf("write the IPv4 network itself, without ::ffff: before it")
	case p != p.Masked():
		return p, fmt.Errorf("write %s for the network or %s for the address", p.Masked(), p.Addr())
	}
	return p, nil
}

func parseAddr(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return a, fmt.Errorf("write an IP address such as 10.0.0.1 or 2001:db8::1")
	}
	return a.Unmap(), nil
}

func parseRegexp(text string) (*regexp.Regexp, error) {
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return re, nil
}

// parseURL reads an absolute URL; its errors do not repeat it, since URLs hold passwords.
func parseURL(text string, schemes []string) (*url.URL, error) {
	like := "http://example.com"
	if len(schemes) > 0 {
		like = schemes[0] + "://example.com"
	}
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Scheme == "":
		return nil, fmt.Errorf("write a URL such as %s", like)
	case len(schemes) > 0 && !contains(schemes, u.Scheme):
		return nil, fmt.Errorf("the URL begins with %s; write %s", u.Scheme, oneOf(schemes))
	case u.Host == "" || u.Hostname() == "":
		return nil, fmt.Errorf("the URL has no host; write one such as %s", like)
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return nil, fmt.Errorf("the URL's port is not between 1 and 65535")
		}
	}
	return u, nil
}
