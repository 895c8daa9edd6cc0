package event

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"sallyport/wire"
)

// This file reads what functions return. What is wrong with it is for the log: the client learns no more than that the function failed.

// maxFields and maxFieldBytes bound the fields of a response, and their names and values together, as those of upstreams are.
const maxFields, maxFieldBytes = 200, 64 << 10

// Response makes the response that a function returned. It has its body even where the client is not to get one, as for HEAD.
func Response(version string, result []byte) (*wire.Response, error) {
	if !json.Valid(result) {
		return nil, errors.New("the result is no JSON")
	}
	var m map[string]json.RawMessage
	isObject := firstByte(result) == '{'
	if isObject {
		if err := json.Unmarshal(result, &m); err != nil {
			return nil, fmt.Errorf("read the result: %w", err)
		}
	}
	if version == V2 {
		if _, whole := m["statusCode"]; !whole {
			return short(result)
		}
		return fromV2(m)
	}
	if !isObject {
		return nil, errors.New("the result is no object")
	}
	return fromV1(m)
}

func firstByte(b []byte) byte {
	if b = bytes.TrimLeft(b, " \t\r\n"); len(b) > 0 {
		return b[0]
	}
	return 0
}

// short is a result 2.0 without statusCode: the body itself.
func short(result []byte) (*wire.Response, error) {
	resp := &wire.Response{Status: 200}
	resp.Header.SetKnown(wire.ContentType, "application/json")
	body := bytes.Clone(bytes.TrimSpace(result))
	if firstByte(body) == '"' {
		var text string
		if err := json.Unmarshal(body, &text); err != nil {
			return nil, fmt.Errorf("read the result: %w", err)
		}
		body = []byte(text)
	}
	return bodied(resp, body), nil
}

func bodied(resp *wire.Response, body []byte) *wire.Response {
	if resp.Status == 204 || resp.Status == 205 || resp.Status == 304 { // RFC 9110 §6.4.1, §15.3.6
		return resp
	}
	resp.Body, resp.Length = wire.BytesBody(body), int64(len(body))
	return resp
}

// keysV1 are all that a result 1.0 may hold.
var keysV1 = []string{"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}

func fromV1(m map[string]json.RawMessage) (*wire.Response, error) {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if !slices.Contains(keysV1, key) {
			return nil, fmt.Errorf("the result has the key %.40q, and may have %s only", key, strings.Join(keysV1, ", "))
		}
	}
	resp, err := headed(m)
	if err != nil {
		return nil, err
	}
	lists, err := object(m, "multiValueHeaders")
	if err != nil {
		return nil, err
	}
	var more wire.Header // the lists come first
	for _, name := range slices.Sorted(maps.Keys(lists)) {
		var values []json.RawMessage
		if json.Unmarshal(lists[name], &values) != nil || values == nil {
			return nil, fmt.Errorf("multiValueHeaders holds no list for %.40q", name)
		}
		for _, value := range values {
			if err := add(&more, name, value); err != nil {
				return nil, err
			}
		}
	}
	if more.Len() > 0 {
		for name, value := range resp.Header.All() {
			if slices.Contains(more.Values(name), value) { // in both places it counts once
				continue
			}
			if err := put(&more, sameSpelling(&more, name), value); err != nil {
				return nil, err
			}
		}
		resp.Header = more
	}
	return finish(resp, m, "application/json")
}

// sameSpelling is how h spells a name, or the name itself.
func sameSpelling(h *wire.Header, name string) string {
	for known := range h.All() {
		if wire.EqualFold(known, name) {
			return known
		}
	}
	return name
}

func fromV2(m map[string]json.RawMessage) (*wire.Response, error) {
	resp, err := headed(m)
	if err != nil {
		return nil, err
	}
	if err := cookies(resp, m); err != nil {
		return nil, err
	}
	return finish(resp, m, "text/plain;charset=UTF-8")
}

func cookies(resp *wire.Response, m map[string]json.RawMessage) error {
	raw, given := m["cookies"]
	if !given {
		return nil
	}
	var list []string
	if json.Unmarshal(raw, &list) != nil {
		return errors.New("cookies is no list of texts")
	}
	for _, c := range list {
		if err := put(&resp.Header, "Set-Cookie", c); err != nil {
			return err
		}
	}
	return nil
}

// headed reads status and headers.
func headed(m map[string]json.RawMessage) (*wire.Response, error) {
	status, err := statusOf(m["statusCode"])
	if err != nil {
		return nil, err
	}
	resp := &wire.Response{Status: status}
	headers, err := object(m, "headers")
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		if err := add(&resp.Header, name, headers[name]); err != nil {
			return nil, err
		}
	}
	return resp, nil
}

// finish adds the body, and its type if nobody said it.
func finish(resp *wire.Response, m map[string]json.RawMessage, kind string) (*wire.Response, error) {
	body, err := bodyOf(m)
	if err != nil {
		return nil, err
	}
	if err := bounded(&resp.Header); err != nil {
		return nil, err
	}
	if !resp.Header.HasKnown(wire.ContentType) && (len(body) > 0 || kind == "application/json") {
		resp.Header.SetKnown(wire.ContentType, kind)
	}
	return bodied(resp, body), nil
}

// statusOf is a number, or one as text; 200 when it is not given.
func statusOf(raw json.RawMessage) (int, error) {
	if raw == nil {
		return 200, nil
	}
	text := string(raw)
	if firstByte(raw) == '"' {
		if err := json.Unmarshal(raw, &text); err != nil {
			return 0, fmt.Errorf("read statusCode: %w", err)
		}
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && f >= 200 && f <= 599 && f == float64(int(f)) {
		return int(f), nil
	}
	return 0, fmt.Errorf("statusCode is %.40s, which is no status of an answer", raw)
}

// object is a member that is an object, nil for null and none.
func object(m map[string]json.RawMessage, key string) (o map[string]json.RawMessage, err error) {
	if raw, given := m[key]; given && json.Unmarshal(raw, &o) != nil {
		return nil, fmt.Errorf("%s is no object", key)
	}
	if len(o) > maxFields {
		return nil, fmt.Errorf("%s has more than %d members", key, maxFields)
	}
	return o, nil
}

// add adds a field whose value is text, a number or a boolean; null is none.
func add(h *wire.Header, name string, raw json.RawMessage) error {
	text := string(raw)
	switch firstByte(raw) {
	case 'n':
		return nil
	case '{', '[':
		return fmt.Errorf("the header %.40q is no text", name)
	case '"':
		if err := json.Unmarshal(raw, &text); err != nil {
			return fmt.Errorf("read the header %.40q: %w", name, err)
		}
	}
	return put(h, name, text)
}

// put adds a field, unless it is one that the gateway makes itself.
func put(h *wire.Header, name, value string) error {
	value = strings.Trim(value, " \t")
	switch id := wire.NameOf(name); {
	case !wire.ValidToken(name):
		return fmt.Errorf("%.40q is no name of a header", name)
	case !wire.ValidValue(value):
		return fmt.Errorf("the header %.40q holds a control character", name)
	case h.Len() >= maxFields:
		return fmt.Errorf("there are more than %d header fields", maxFields)
	case id == wire.Date || id == wire.XRequestID || !id.EndToEnd():
		return nil
	}
	if before, found := h.Lookup(name); found && wire.Once(name) {
		if before == value {
			return nil
		}
		return fmt.Errorf("there are several values of the header %.40q, of which a response has one", name)
	}
	h.Add(name, value)
	return nil
}

// bounded refuses fields that are too large together.
func bounded(h *wire.Header) error {
	size := 0
	for name, value := range h.All() {
		size += len(name) + len(value)
	}
	if size > maxFieldBytes {
		return fmt.Errorf("the header fields have %d bytes, and may have %d", size, maxFieldBytes)
	}
	return nil
}

// bodyOf is the body; isBase64Encoded is honoured whatever the client accepts.
func bodyOf(m map[string]json.RawMessage) ([]byte, error) {
	var coded bool
	if raw, given := m["isBase64Encoded"]; given && json.Unmarshal(raw, &coded) != nil {
		return nil, errors.New("isBase64Encoded is no boolean")
	}
	var text string
	if raw, given := m["body"]; given && json.Unmarshal(raw, &text) != nil {
		return nil, errors.New("body is no text; a function has to make JSON text of an object itself")
	}
	if !coded {
		return []byte(text), nil
	}
	body, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("decode the body: %w", err)
	}
	return body, nil
}
