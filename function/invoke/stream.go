package invoke

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"sallyport/function"
	"sallyport/function/event"
	"sallyport/wire"
)

// This file is results that come in parts. Amazon does not say which sort of result it is, so that this is told by how it begins.

// packed is the type of a stream of messages, whatever is in it.
const packed = "application/vnd.amazon.eventstream"

// maxHead bounds how far into a result its head may reach; Amazon's own gateway looks no further than 16 KiB.
const maxHead = 256 << 10

// endOfHead ends a head.
var endOfHead = make([]byte, 8)

// A stream is what a function returns, without its packing. It reads as the result alone.
type stream struct {
	q    *call
	resp *wire.Response
	in   reader
	rest []byte // of the message at hand
	err  error  // what comes after it, nil for more
}

// stream makes an answer of a stream:
//   - JSON and eight zeros, which are a head, and then the body
//   - JSON to its end, the result of a function that does not stream
//   - anything else, a body without a head
func (q *call) stream(resp *wire.Response) (a function.Answer, err error) {
	s := &stream{q: q, resp: resp, in: reader{from: resp.Body}}
	kind := resp.Header.Get("Content-Type")
	if strings.EqualFold(kind, packed) {
		kind = ""
	}
	if resp.Body == nil {
		s.in.from = bytes.NewReader(nil)
	}
	var got []byte
	for {
		s.pull()
		seen := len(got)
		got = append(got, s.rest...)
		s.rest = nil
		headed := seen <= maxHead && bytes.Contains(got[max(0, seen-len(endOfHead)+1):], endOfHead)
		switch {
		case len(got) > 0 && got[0] == '{' && headed:
			return function.Answer{Stream: s.after(got), Kind: event.Streamed}, nil
		case len(got) > 0 && got[0] != '{':
			return function.Answer{Stream: s.after(got), Kind: kind}, nil
		case s.err == io.EOF:
			return function.Answer{Result: got}, s.Close()
		case s.err != nil:
			_ = s.Close()
			return a, s.err
		case len(got) > maxResult:
			_ = s.Close()
			return a, q.cut(errTooLarge)
		}
	}
}

// after has the stream begin with what was read of it.
func (s *stream) after(got []byte) io.ReadCloser {
	s.rest = got
	return s
}

// Read implements io.Reader.
func (s *stream) Read(b []byte) (int, error) {
	for len(s.rest) == 0 && s.err == nil {
		s.pull()
	}
	if len(s.rest) == 0 {
		return 0, s.err
	}
	n := copy(b, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// Close implements io.Closer.
func (s *stream) Close() error {
	if s.resp != nil {
		s.resp.Close()
		s.resp = nil
	}
	return nil
}

var errNoEnd = errors.New("the stream from AWS ended before it was complete")

// pull reads the next message: what is in it is the rest, or it is the end.
func (s *stream) pull() {
	m, err := s.in.next()
	switch {
	case err == io.EOF:
		s.err = s.q.cut(errNoEnd)
	case err != nil:
		s.err = s.q.cut(err)
	case m.kind != "event":
		if m.said == "" {
			m.said = string(m.payload[:min(len(m.payload), 500)])
		}
		s.err = s.q.cut(fmt.Errorf("AWS ended the stream: %s: %s", kindOf(m.event), s.q.f.safe(m.said)))
	case m.event == "PayloadChunk":
		s.rest = m.payload
	case m.event == "InvokeComplete":
		if s.err = s.complete(m.payload); s.err == io.EOF {
			s.end()
		}
	}
}

// complete reads how the call ended.
func (s *stream) complete(text []byte) error {
	var how struct {
		Code    string `json:"ErrorCode"`
		Details string `json:"ErrorDetails"`
		Log     string `json:"LogResult"`
	}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &how); err != nil {
			return s.q.cut(fmt.Errorf("reading how the call ended: %w", err))
		}
	}
	s.q.tail(how.Log)
	if how.Code == "" {
		return io.EOF
	}
	return s.q.wrong([]byte(how.Details), how.Code)
}

// end reads what is left of the response, so that its connection can be used again: nothing, or it is broken.
func (s *stream) end() {
	if n, err := s.in.from.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		s.q.f.registry.o.Log.Warn("AWS sends more after the end of a stream", "function", s.q.f.name, "id", s.q.id, "aws_id", s.q.aws)
	}
}
