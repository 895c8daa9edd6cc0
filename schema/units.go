package schema

// Quantities with their unit in the text: 250ms, 64KiB, 100/min, 50%.

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// A Size is a number of bytes.
type Size int64

// Unlimited is the size that a document calls none: no comparison with it finds anything too large.
const Unlimited Size = math.MaxInt64

var sizeUnits = []struct {
	name  string
	bytes int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"kB", 1e3}, {"B", 1}, {"", 1}}

// ParseSize reads 64KiB, 10MiB, 1.5GiB, 1MB, a plain number of bytes, or none.
func ParseSize(text string) (Size, error) {
	if text == "none" {
		return Unlimited, nil
	}
	number, unit := splitUnit(text)
	for _, u := range sizeUnits {
		if u.name != unit || number == "" {
			continue
		}
		f, err := strconv.ParseFloat(number, 64)
		if bytes := f * float64(u.bytes); err == nil && bytes == math.Trunc(bytes) && bytes < 1<<53 {
			return Size(bytes), nil
		}
	}
	return 0, fmt.Errorf("write a size such as 64KiB or 10MiB")
}

func (s Size) String() string {
	if s == Unlimited {
		return "none"
	}
	for _, u := range sizeUnits[:3] {
		if s != 0 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// A Rate is a number of events in a time.
type Rate struct {
	N   int64
	Per time.Duration
}

var rateUnits = []struct {
	name string
	per  time.Duration
}{{"s", time.Second}, {"min", time.Minute}, {"hour", time.Hour}, {"day", 24 * time.Hour}}

// ParseRate reads 100/s, 100/min, 5000/hour or 1000/day.
func ParseRate(text string) (Rate, error) {
	number, unit, _ := strings.Cut(text, "/")
	n, err := strconv.ParseInt(number, 10, 64)
	if err == nil && strings.TrimLeft(number, "0123456789") == "" {
		for _, u := range rateUnits {
			if u.name == unit && n > 0 {
				return Rate{n, u.per}, nil
			}
		}
	}
	return Rate{}, fmt.Errorf("write a rate such as 100/s, 100/min, 5000/hour or 1000/day")
}

func (r Rate) String() string {
	for _, u := range rateUnits {
		if u.per == r.Per {
			return strconv.FormatInt(r.N, 10) + "/" + u.name
		}
	}
	return strconv.FormatInt(r.N, 10) + "/" + r.Per.String()
}

// A Percent is a share, from 0 to 100.
type Percent float64

// ParsePercent reads 50% or 0.5%.
func ParsePercent(text string) (Percent, error) {
	number, ok := strings.CutSuffix(text, "%")
	if digits, unit := splitUnit(number); ok && digits != "" && unit == "" {
		if f, err := strconv.ParseFloat(digits, 64); err == nil && f <= 100 {
			return Percent(f), nil
		}
	}
	return 0, fmt.Errorf("write a percentage from 0%% to 100%%, such as 50%%")
}

// Ratio is the share from 0 to 1.
func (p Percent) Ratio() float64 { return float64(p) / 100 }

func (p Percent) String() string { return strconv.FormatFloat(float64(p), 'f', -1, 64) + "%" }

var timeUnits = []struct {
	name string
	unit time.Duration
}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}, {"us", time.Microsecond}, {"µs", time.Microsecond}}

// ParseDuration reads 250ms, 5s, 1h30m or 30d; none is 0.
func ParseDuration(text string) (time.Duration, error) {
	if text == "none" {
		return 0, nil
	}
	var sum float64
	last := time.Duration(math.MaxInt64)
	for rest := text; rest != "" || text == ""; {
		number, after := splitUnit(rest)
		n := strings.IndexAny(after, "0123456789")
		if n < 0 {
			n = len(after)
		}
		unit, ok := timeUnit(after[:n])
		f, err := strconv.ParseFloat(number, 64)
		if sum += f * float64(unit); !ok || err != nil || unit >= last || sum > 1<<62 {
			return 0, fmt.Errorf("write a duration such as 250ms, 5s, 1h or 30d")
		}
		last, rest = unit, after[n:]
	}
	return time.Duration(math.Round(sum)), nil
}

func timeUnit(name string) (time.Duration, bool) {
	for _, u := range timeUnits {
		if u.name == name {
			return u.unit, true
		}
	}
	return 0, false
}

// FormatDuration writes d as a document would: 1h30m, 30d.
func FormatDuration(d time.Duration) string {
	if d <= 0 {
		return "0s"
	}
	var b strings.Builder
	for _, u := range timeUnits[:6] {
		if n := d / u.unit; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.name)
			d -= n * u.unit
		}
	}
	return b.String()
}

// splitUnit cuts text after its leading number: digits, with at most one point between them.
func splitUnit(text string) (number, unit string) {
	i := digits(text)
	if i > 0 && i < len(text) && text[i] == '.' {
		if more := digits(text[i+1:]); more > 0 {
			i += 1 + more
		}
	}
	return text[:i], text[i:]
}

func digits(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }
