package invoke

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

// This file is what becomes of a call that Amazon refuses, before the function has it.

// A refusal is an error of Lambda's, not of the function.
type refusal struct {
	function string
	status   int
	kind     string // "TooManyRequestsException"
	said     string // without anything secret
}

func (r *refusal) Error() string {
	s := fmt.Sprintf("AWS answers the call of the function %s with %d", r.function, r.status)
	if r.kind != "" {
		s += " " + r.kind
	}
	if r.said != "" {
		s += ": " + r.said
	}
	return s
}

// ours are the kinds of refusals whose reason is how the gateway is set up: its credentials, its clock, its rights.
var ours = map[string]bool{
	"AccessDeniedException": true, "AccessDenied": true, "NotAuthorized": true, "OptInRequired": true,
	"ExpiredTokenException": true, "ExpiredToken": true, "RequestExpired": true, "RequestTimeTooSkewed": true,
	"UnrecognizedClientException": true, "InvalidClientTokenId": true, "InvalidAccessKeyId": true,
	"InvalidSignatureException": true, "SignatureDoesNotMatch": true, "IncompleteSignatureException": true, "IncompleteSignature": true,
	"MissingAuthenticationTokenException": true, "MissingAuthenticationToken": true,
}

// refused reads why Amazon refuses the call, and says what becomes of the request.
func (q *call) refused(resp *wire.Response) error {
	text, _ := policy.ReadAll(resp.Body, resp.Length, maxSaid) // what cannot be read is left out
	r := &refusal{q.f.name, resp.Status, kindOf(resp.Header.Get("X-Amzn-Errortype")), ""}
	var said struct {
		Message string `json:"message"` // in either spelling
		Type    string `json:"__type"`
	}
	if json.Unmarshal(text, &said) == nil {
		r.said = q.f.safe(said.Message)
		if r.kind == "" {
			r.kind = kindOf(said.Type)
		}
	}
	rejected := ours[r.kind] || r.status == 401 || r.status == 403
	if rejected && r.kind != "AccessDeniedException" {
		q.f.credentials.Doubt()
	}
	switch r.status {
	case 429:
		q.f.counts.throttled.Add(1)
		return problem.Overloaded.New("The function has no room for more calls right now.").With("Retry-After", wait(resp)).Because(r)
	case 413:
		q.f.counts.refused.Add(1)
		return problem.BodyTooBig.New("The function does not take so much.").Because(r)
	}
	q.f.counts.refused.Add(1)
	q.f.registry.o.Log.Error("AWS refuses a call of a function", "function", q.f.name, "id", q.id, "aws_id", q.aws, "status", r.status, "type", r.kind, "said", r.said)
	if rejected {
		return problem.Internal.Wrap(r)
	}
	return r
}

// kindOf is the bare name of an error: "com.amazonaws#ServiceException:http://…" has more.
func kindOf(text string) string {
	text, _, _ = strings.Cut(text, ":")
	text = text[strings.LastIndexByte(text, '#')+1:]
	if len(text) > 100 || strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != "" {
		return ""
	}
	return text
}

// safe is the beginning of what Amazon says, without the credentials: further lines tell what should have been signed.
func (f *Function) safe(said string) string {
	said, _, _ = strings.Cut(f.credentials.Mask(said), "\n")
	return said[:min(len(said), 500)]
}

// wait is after how many seconds Amazon says that there may be room again.
func wait(resp *wire.Response) string {
	if n, err := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 16); err == nil && n > 0 {
		return strconv.FormatUint(n, 10)
	}
	return "1"
}
