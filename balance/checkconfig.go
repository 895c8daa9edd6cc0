package balance

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"sallyport/schema"
	"sallyport/wire"
)

// Health is how targets are asked whether they are well. One of Path, TCP and GRPC says what is asked.
type Health struct {
	Path      string            `json:"path" short:"true" default:"" doc:"What is asked for by HTTP, from the root of the target whatever path its URL has."`
	TCP       bool              `json:"tcp" doc:"Whether it is enough that a connection can be made."`
	GRPC      GRPC              `json:"grpc" default:"false" doc:"Whether is asked by grpc.health.v1.Health/Check: true for the target as a whole, or the name of a service. It goes over HTTP/2, with an http target without TLS."`
	Interval  time.Duration     `json:"interval" default:"5s" min:"100ms" max:"1d" doc:"From one check to the next, up to a tenth less so that not all come at once."`
	Timeout   time.Duration     `json:"timeout" default:"1s" min:"1ms" max:"1m" doc:"How long a check may take, connecting included."`
	Healthy   int               `json:"healthy" default:"2" min:"1" max:"100" doc:"Checks in a row that a target has to pass to get calls again; one is enough for a target that has never passed."`
	Unhealthy int               `json:"unhealthy" default:"3" min:"1" max:"100" doc:"Checks in a row that a target has to fail to get none. The first check of all decides alone."`
	Expect    []Statuses        `json:"expect" one:"true" default:"[200-399]" doc:"Statuses of the answer that pass, and ranges of them."`
	Method    string            `json:"method" default:"GET" enum:"GET,HEAD,OPTIONS,POST" doc:"Method of the request."`
	Headers   map[string]string `json:"headers" doc:"Headers of the request. The Host is that of the calls unless it is among them."`
	Panic     schema.Percent    `json:"panic" default:"0%" doc:"Share of the targets that have to pass: with fewer, checks count for nothing and all targets get calls, as the few would be crushed. 0% is never."`
}

// Check judges the settings together.
func (h *Health) Check() error {
	var errs []error
	wrong := func(setting, format string, args ...any) {
		errs = append(errs, schema.At(setting, fmt.Errorf(format, args...)))
	}
	switch {
	case h.Path == "" && !h.TCP && !h.GRPC.on:
		errs = append(errs, errors.New("nothing says what is asked; write path: /healthz, grpc: true, or tcp: true if a connection is enough"))
	case h.Path != "" && h.TCP:
		wrong("tcp", "there is a path as well; keep one of the two")
	case h.GRPC.on && (h.TCP || h.Path != ""):
		wrong("grpc", "there is a path or tcp as well; keep one of them")
	case h.TCP && len(h.Headers) > 0:
		wrong("headers", "with tcp nothing is sent; ask for a path instead")
	case h.Path != "" && h.Path[0] != '/':
		wrong("path", "%q does not begin with /; write such as /healthz", h.Path)
	case h.Path != "":
		r := wire.Request{Method: h.Method, Scheme: "http"}
		if fault := wire.ParseTarget(&r, h.Path); fault != nil {
			wrong("path", "%s", plain(fault))
		}
	}
	if h.Timeout > h.Interval {
		wrong("timeout", "a check may take %s, which is longer than the interval of %s", schema.FormatDuration(h.Timeout), schema.FormatDuration(h.Interval))
	}
	for _, name := range slices.Sorted(maps.Keys(h.Headers)) {
		switch id := wire.NameOf(name); {
		case !wire.ValidToken(name):
			wrong(schema.Join("headers", name), "this is no name of a header")
		case id != wire.Host && !id.EndToEnd():
			wrong(schema.Join("headers", name), "the gateway makes this header itself")
		case !wire.ValidValue(h.Headers[name]):
			wrong(schema.Join("headers", name), "a control character cannot stand in a header")
		}
	}
	return errors.Join(errs...)
}

// expects says whether a status passes.
func (h *Health) expects(status int) bool {
	return slices.ContainsFunc(h.Expect, func(s Statuses) bool { return s.from <= status && status <= s.to })
}

// asks is all that makes two checks of one address different, as text.
func (h *Health) asks() string {
	same := *h
	same.Panic = 0
	return fmt.Sprintf("%+v", same)
}

// Statuses are a status or a range of them.
type Statuses struct{ from, to int }

// UnmarshalText reads 204 or 200-399.
func (s *Statuses) UnmarshalText(text []byte) error {
	from, to, isRange := strings.Cut(string(text), "-")
	if !isRange {
		to = from
	}
	a, b := status(from), status(to)
	if a == 0 || b == 0 || a > b {
		return errors.New("write a status such as 204, or a range such as 200-399")
	}
	*s = Statuses{a, b}
	return nil
}

// status reads a number from 100 to 599; 0 is none.
func status(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || len(text) != 3 || n < 100 || n > 599 {
		return 0
	}
	return n
}
