package expr

// The functions beyond those of CEL itself and its extensions for strings, lists and math.

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/netip"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"sallyport/jsonspan"
)

// constantly is the frame of what is the same for every request.
func constantly() *frame { return &frame{left: maxWork} }

func ourFunctions() []cel.EnvOption {
	text, dyn := cel.StringType, cel.DynType
	anyMap := cel.MapType(text, dyn)
	options := []cel.EnvOption{
		cel.Function("ip", cel.Overload("ip_text", []*cel.Type{text}, addrType, cel.UnaryBinding(parseAddr))),
		cel.Function(inName,
			cel.MemberOverload("ip_in_text", []*cel.Type{addrType, text}, cel.BoolType, cel.BinaryBinding(inPrefix)),
			cel.MemberOverload("ip_in_list", []*cel.Type{addrType, cel.ListType(text)}, cel.BoolType, cel.BinaryBinding(inPrefixes))),
		cel.Function("sha256",
			cel.Overload("sha256_text", []*cel.Type{text}, text, cel.UnaryBinding(sum)),
			cel.Overload("sha256_bytes", []*cel.Type{cel.BytesType}, text, cel.UnaryBinding(sum))),
		cel.Function("base64",
			cel.Overload("base64_text", []*cel.Type{text}, text, cel.UnaryBinding(encode64)),
			cel.Overload("base64_bytes", []*cel.Type{cel.BytesType}, text, cel.UnaryBinding(encode64))),
		cel.Function("json", cel.Overload("json_any", []*cel.Type{dyn}, text, cel.UnaryBinding(func(v ref.Val) ref.Val { return constantly().toJSON(v) }))),
		cel.Function("uuid", cel.Overload("uuid_new", nil, text, cel.FunctionBinding(func(...ref.Val) ref.Val { return types.String(newUUID()) }))),
		cel.Function("merge", cel.Overload("merge_maps", []*cel.Type{anyMap, anyMap}, anyMap, cel.BinaryBinding(func(a, b ref.Val) ref.Val { return constantly().merge(a, b) }))),
	}
	for _, r := range roots {
		if r.headers {
			options = append(options, headerFunctions(r)...)
		}
	}
	return options
}

func headerFunctions(r *root) []cel.EnvOption {
	args := []*cel.Type{cel.ObjectType(r.name), cel.StringType}
	return []cel.EnvOption{
		cel.Function("header", cel.MemberOverload(r.name+"_header", args, cel.StringType, cel.BinaryBinding(header))),
		cel.Function("header_values", cel.MemberOverload(r.name+"_header_values", args, cel.ListType(cel.StringType), cel.BinaryBinding(headerValues))),
	}
}

// costs tells cel-go what our functions cost: those that look at every byte cost as much as a scan.
type costs struct{}

// CallCost returns nil for functions that cel-go knows itself.
func (costs) CallCost(function, _ string, args []ref.Val, result ref.Val) *uint64 {
	cost := uint64(1)
	switch function {
	case "sha256", "base64":
		cost += textLen(args[0]) / 10
	case "reverse":
		cost += textLen(result) / 10
		if m, ok := result.(traits.Sizer); ok && textLen(result) == 0 {
			cost += uint64(m.Size().(types.Int))
		}
	case inName:
		if l, ok := args[1].(traits.Sizer); ok && args[1].Type() == types.ListType {
			cost += uint64(l.Size().(types.Int))
		}
	default:
		return nil
	}
	return &cost
}

// header is "" where there is no such field.
func header(of, name ref.Val) ref.Val {
	r := of.(*rootValue)
	v, _, err := r.frame.vars.LookupText(r.root.name, "headers", string(name.(types.String)))
	if err != nil {
		return types.WrapErr(err)
	}
	return types.String(v)
}

func headerValues(of, name ref.Val) ref.Val {
	r := of.(*rootValue)
	v, _, err := r.frame.vars.Lookup(r.root.name, "header_values", string(name.(types.String)))
	if err != nil {
		return types.WrapErr(err)
	}
	list, _ := v.([]string)
	return types.NewStringList(adapter{}, list)
}

// addrType is what ip(…) makes. Nothing but in(…) takes it.
var addrType = cel.OpaqueType("ip")

type addr struct {
	ref.Val
	netip.Addr
}

// Type returns the type of addresses.
func (a addr) Type() ref.Type { return addrType }

// Value returns the address.
func (a addr) Value() any { return a.Addr }

// Equal compares addresses.
func (a addr) Equal(other ref.Val) ref.Val {
	b, ok := other.(addr)
	return types.Bool(ok && a.Addr == b.Addr)
}

func parseAddr(v ref.Val) ref.Val {
	a, err := readAddr(string(v.(types.String)))
	if err != nil {
		return types.WrapErr(err)
	}
	return addr{types.NullValue, a}
}

func readAddr(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return a, fmt.Errorf("%q is no IP address", clip(s))
	}
	return a.Unmap().WithZone(""), nil
}

// inPrefix says whether an address lies in a network, or is the address that stands there instead.
func inPrefix(a, network ref.Val) ref.Val {
	p, err := parseNetwork(string(network.(types.String)))
	if err != nil {
		return types.WrapErr(err)
	}
	return types.Bool(p.Contains(a.(addr).Addr))
}

// parseNetwork reads a network, or an address as the network of itself.
func parseNetwork(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, fmt.Errorf("%q is no network; write one as 10.0.0.0/8", clip(s))
	}
	if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return p, nil
}

func inPrefixes(a, networks ref.Val) ref.Val {
	l := networks.(traits.Lister)
	for it := l.Iterator(); it.HasNext() == types.True; {
		s, ok := it.Next().(types.String)
		if !ok {
			return types.NoSuchOverloadErr()
		}
		if in := inPrefix(a, s); in != types.False {
			return in
		}
	}
	return types.False
}

func bytesOf(v ref.Val) []byte {
	switch v := v.(type) {
	case types.String:
		return []byte(v)
	case types.Bytes:
		return v
	}
	return nil
}

func textLen(v ref.Val) uint64 {
	switch v := v.(type) {
	case types.String:
		return uint64(len(v))
	case types.Bytes:
		return uint64(len(v))
	}
	return 0
}

func sum(v ref.Val) ref.Val {
	h := sha256.Sum256(bytesOf(v))
	return types.String(hex.EncodeToString(h[:]))
}

func encode64(v ref.Val) ref.Val {
	return types.String(base64.StdEncoding.EncodeToString(bytesOf(v)))
}

func (f *frame) toJSON(v ref.Val) ref.Val {
	x, err := f.native(v)
	if err != nil {
		f.spend(0)
		return types.WrapErr(err)
	}
	b, err := appendJSON(nil, x, maxMade, 0)
	if err != nil {
		return types.WrapErr(err)
	}
	f.spend(len(b) / 16)
	return types.String(b)
}

// newUUID makes a random UUID (RFC 9562 §5.4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// merge merges maps deeply: where both have a name, two maps are merged and of anything else the right one
// wins, lists included.
func (f *frame) merge(left, right ref.Val) ref.Val {
	f.weigh(left, 3)
	f.weigh(right, 3)
	a, bothRaw := left.Value().(Raw)
	if b, ok := right.Value().(Raw); ok && bothRaw {
		out, err := jsonspan.Merge(nil, jsonspan.Rule{}, a, b)
		if err != nil {
			return types.WrapErr(err)
		}
		return Raw(out).val()
	}
	l, err := f.native(left)
	if err != nil {
		return types.WrapErr(err)
	}
	r, err := f.native(right)
	if err != nil {
		return types.WrapErr(err)
	}
	return adapter{}.NativeToValue(mergeValues(l, r))
}

func mergeValues(l, r any) any {
	a, aOK := asMap(l)
	b, bOK := asMap(r)
	if !aOK || !bOK {
		return r
	}
	out := make(map[string]any, len(a)+len(b))
	for k, v := range a {
		out[k] = v
	}
	for k, v := range b {
		if old, ok := out[k]; ok {
			v = mergeValues(old, v)
		}
		out[k] = v
	}
	return out
}
