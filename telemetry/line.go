package telemetry

import (
	"net/netip"
	"strconv"
	"time"
)

// A Line is what the access log tells of one request. It has no place for the Authorization and
// Cookie fields, or any other that may hold a secret.
type Line struct {
	Time         time.Time // when the head of the request was read
	ID           string    // X-Request-Id
	API          string
	Route        string
	Version      string // of the api
	Method       string
	Host         string
	Path         string // canonical
	Query        string // as sent; secret-looking values are masked in writing
	Protocol     string
	Status       int
	ClientIP     netip.Addr
	Consumer     string
	Auth         string // how the request showed who sent it: "jwt", "api_key"
	Subject      string
	BytesIn      int64 // of the request's body
	BytesOut     int64 // of the response's body
	Duration     time.Duration
	Upstream     time.Duration // from the first byte sent upstream to the response's head
	UpstreamName string
	Function     string
	Target       string
	Problem      string // name of the problem that the gateway answered with
	Cause        string // of it; never shown to the client
	DeniedBy     string // the policy that kept it out
	DeniedReason string // why that did, in the words of the metric
	Fault        string // what was done to the request on purpose
	UserAgent    string
	Referer      string // secret-looking values are masked in writing
	TraceID      string
	Tries        int    // calls sent upstream
	Retried      string // why the last of them was made again
	Hedged       string // how a call to a second target went
	Calls        []Call // of a composed answer
}

// A Call is what became of one call of a composed answer.
type Call struct {
	Name     string
	Status   int // 0 for none
	Duration time.Duration
	Items    int    // for how many items it was made, 0 for one that is made once
	Tries    int    // calls that were sent for it
	Retried  string // why the last of them was made again
}

// Bounds of what one field may take in a line, in bytes. The whole line fits into maxLine.
const (
	longField  = 8 << 10
	shortField = 256
	maxLine    = 48 << 10
)

// A fieldSet says which fields are written, a bit each.
type fieldSet uint64

const (
	fieldTime fieldSet = 1 << iota
	fieldID
	fieldClientIP
	fieldMethod
	fieldHost
	fieldPath
	fieldQuery
	fieldProtocol
	fieldStatus
	fieldDuration
	fieldBytesIn
	fieldBytesOut
	fieldAPI
	fieldVersion
	fieldRoute
	fieldConsumer
	fieldAuth
	fieldSubject
	fieldFunction
	fieldUpstream
	fieldTarget
	fieldTries
	fieldRetried
	fieldHedged
	fieldUpstreamMS
	fieldCalls
	fieldProblem
	fieldCause
	fieldDeniedBy
	fieldDeniedReason
	fieldFault
	fieldUserAgent
	fieldReferer
	fieldTraceID
	fieldEnd
)

const allFields = fieldEnd - 1

// Fields are the names of the fields of a line, in the order in which they are written.
var Fields = []string{
	"time", "id", "client_ip", "method", "host", "path", "query", "protocol", "status", "duration_ms", "bytes_in", "bytes_out",
	"api", "version", "route", "consumer", "auth", "subject", "function", "upstream", "target", "tries", "retried", "hedged", "upstream_ms", "calls", "problem", "cause", "denied_by", "denied_reason", "fault",
	"user_agent", "referer", "trace_id",
}

// append appends l as one line of JSON. Of the fields in set, those that are always known are
// always there, others when they are not empty.
func (l *Line) append(b []byte, set fieldSet, clock *clock) []byte {
	b = append(b, '{')
	if set&fieldTime != 0 {
		b = append(b, `"time":"`...)
		b = clock.append(b, l.Time)
		b = append(b, `",`...)
	}
	b = appendField(b, set&fieldID, `"id":"`, l.ID, shortField)
	if set&fieldClientIP != 0 && l.ClientIP.IsValid() {
		b = append(b, `"client_ip":"`...)
		b = l.ClientIP.WithZone("").AppendTo(b)
		b = append(b, `",`...)
	}
	b = appendField(b, set&fieldMethod, `"method":"`, l.Method, shortField)
	b = appendField(b, set&fieldHost, `"host":"`, l.Host, 2*shortField)
	b = appendField(b, set&fieldPath, `"path":"`, l.Path, longField)
	if set&fieldQuery != 0 && l.Query != "" {
		b = append(b, `"query":"`...)
		b = appendQuery(b, l.Query, longField)
		b = append(b, `",`...)
	}
	b = appendField(b, set&fieldProtocol, `"protocol":"`, l.Protocol, shortField)
	b = appendInt(b, set&fieldStatus, `"status":`, int64(l.Status))
	b = appendMillis(b, set&fieldDuration, `"duration_ms":`, l.Duration)
	b = appendInt(b, set&fieldBytesIn, `"bytes_in":`, l.BytesIn)
	b = appendInt(b, set&fieldBytesOut, `"bytes_out":`, l.BytesOut)
	b = l.appendNames(b, set)
	b = l.appendUpstream(b, set)
	b = l.appendClient(b, set)
	if b[len(b)-1] == ',' {
		b = b[:len(b)-1]
	}
	return append(b, "}\n"...)
}

func (l *Line) appendNames(b []byte, set fieldSet) []byte {
	b = appendField(b, set&fieldAPI, `"api":"`, l.API, shortField)
	b = appendField(b, set&fieldVersion, `"version":"`, l.Version, shortField)
	b = appendField(b, set&fieldRoute, `"route":"`, l.Route, 2*shortField)
	b = appendField(b, set&fieldConsumer, `"consumer":"`, l.Consumer, 2*shortField)
	b = appendField(b, set&fieldAuth, `"auth":"`, l.Auth, shortField)
	return appendField(b, set&fieldSubject, `"subject":"`, l.Subject, 2*shortField)
}

// appendUpstream appends what is known only of requests that went upstream or failed.
func (l *Line) appendUpstream(b []byte, set fieldSet) []byte {
	b = appendField(b, set&fieldFunction, `"function":"`, l.Function, shortField)
	b = appendField(b, set&fieldUpstream, `"upstream":"`, l.UpstreamName, shortField)
	b = appendField(b, set&fieldTarget, `"target":"`, l.Target, 2*shortField)
	if l.Tries > 0 {
		b = appendInt(b, set&fieldTries, `"tries":`, int64(l.Tries))
		b = appendField(b, set&fieldRetried, `"retried":"`, l.Retried, shortField)
		b = appendField(b, set&fieldHedged, `"hedged":"`, l.Hedged, shortField)
		b = appendMillis(b, set&fieldUpstreamMS, `"upstream_ms":`, l.Upstream)
	}
	b = appendCalls(b, set&fieldCalls, l.Calls)
	b = appendField(b, set&fieldProblem, `"problem":"`, l.Problem, shortField)
	b = appendField(b, set&fieldCause, `"cause":"`, l.Cause, longField)
	b = appendField(b, set&fieldDeniedBy, `"denied_by":"`, l.DeniedBy, shortField)
	b = appendField(b, set&fieldDeniedReason, `"denied_reason":"`, l.DeniedReason, shortField)
	return appendField(b, set&fieldFault, `"fault":"`, l.Fault, shortField)
}

func (l *Line) appendClient(b []byte, set fieldSet) []byte {
	b = appendField(b, set&fieldUserAgent, `"user_agent":"`, l.UserAgent, longField)
	if set&fieldReferer != 0 && l.Referer != "" {
		b = append(b, `"referer":"`...)
		b = appendReferer(b, l.Referer, longField)
		b = append(b, `",`...)
	}
	return appendField(b, set&fieldTraceID, `"trace_id":"`, l.TraceID, shortField)
}

// maxCalls bounds the room that calls take in a line.
const maxCalls = 64

// appendCalls appends the calls by name.
func appendCalls(b []byte, wanted fieldSet, calls []Call) []byte {
	if wanted == 0 || len(calls) == 0 {
		return b
	}
	b = append(b, `"calls":{`...)
	for _, c := range calls[:min(len(calls), maxCalls)] {
		b = append(b, '"')
		b = appendText(b, c.Name, shortField/2)
		b = append(b, `":{`...)
		if c.Status != 0 {
			b = appendInt(b, wanted, `"status":`, int64(c.Status))
		}
		if c.Items != 0 {
			b = appendInt(b, wanted, `"items":`, int64(c.Items))
		}
		if c.Tries > max(1, c.Items) {
			b = appendInt(b, wanted, `"tries":`, int64(c.Tries))
		}
		b = appendField(b, wanted, `"retried":"`, c.Retried, shortField)
		b = appendMillis(b, wanted, `"ms":`, c.Duration)
		b = append(b[:len(b)-1], "},"...)
	}
	return append(b[:len(b)-1], "},"...)
}

// appendField appends a text field; key is its name with all that stands before the text.
func appendField(b []byte, wanted fieldSet, key, value string, limit int) []byte {
	if wanted == 0 || value == "" {
		return b
	}
	b = append(b, key...)
	b = appendText(b, value, limit)
	return append(b, `",`...)
}

func appendInt(b []byte, wanted fieldSet, key string, value int64) []byte {
	if wanted == 0 {
		return b
	}
	b = append(b, key...)
	b = strconv.AppendInt(b, value, 10)
	return append(b, ',')
}

// appendMillis appends a duration in milliseconds, to the microsecond.
func appendMillis(b []byte, wanted fieldSet, key string, d time.Duration) []byte {
	if wanted == 0 {
		return b
	}
	us := max(d.Microseconds(), 0)
	b = append(b, key...)
	b = strconv.AppendInt(b, us/1000, 10)
	us %= 1000
	return append(b, '.', byte('0'+us/100), byte('0'+us/10%10), byte('0'+us%10), ',')
}

// A clock writes times (RFC 3339, UTC, microseconds). Most requests of one second follow each other, so it keeps
// what it wrote for the last one.
type clock struct {
	second int64
	text   []byte // "2006-01-02T15:04:05"
}

func (c *clock) append(b []byte, t time.Time) []byte {
	if s := t.Unix(); s != c.second || c.text == nil {
		c.second, c.text = s, t.UTC().AppendFormat(c.text[:0], "2006-01-02T15:04:05")
	}
	b = append(b, c.text...)
	us := uint32(t.Nanosecond()) / 1000
	return append(b, '.', byte('0'+us/100_000), byte('0'+us/10_000%10), byte('0'+us/1000%10),
		byte('0'+us/100%10), byte('0'+us/10%10), byte('0'+us%10), 'Z')
}
