package compose

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime"
	"slices"
	"strings"

	"sallyport/expr"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
	"sallyport/xmlmap"
)

// This file reads what calls answer.

// A callError is why a call failed. What stands in what goes to the client, so it says nothing of the inside.
type callError struct {
	status int // 502, or 504 for a call that took too long
	what   string
	err    error
}

func (e *callError) Error() string { return e.what + ": " + e.err.Error() }
func (e *callError) Unwrap() error { return e.err }

// sent is the error of a call that got no answer.
func sent(err error) error {
	if errors.Is(err, wire.ErrClientGone) {
		return err
	}
	p := problem.From(err)
	switch {
	case p.Status == 504:
		return &callError{504, "took too long", err}
	case p.Status < 500:
		return err
	}
	return &callError{502, "got no answer", err}
}

// mostDrained is how much of a body that nobody uses is read.
const mostDrained = 64 << 10

// read takes what the call needs of its answer.
func (j *job) read(resp *wire.Response) {
	defer func() {
		if j.flow == nil {
			resp.Close()
		}
	}()
	c, status := j.call, resp.Status
	j.answer.Status, j.answer.OK = status, status >= 200 && status < 300
	if c.heads {
		j.header = resp.Header.Clone()
		j.answer.Header = &j.header
	}
	if !j.answer.OK && !slices.Contains(c.Accept, status) {
		j.err = &callError{502, fmt.Sprintf("was answered with %d", status), errors.New("see its setting accept")}
		drain(resp)
		return
	}
	if !c.reads {
		drain(resp)
		return
	}
	body, err := j.content(resp)
	switch {
	case err == nil:
		j.answer.Body = body
	case j.answer.OK:
		j.err = err
	}
}

// drain reads what nobody uses, so that the connection can have another call. What has no known length may never end: of that no more is read
// than is here.
func drain(resp *wire.Response) {
	switch b, ok := resp.Body.(interface{ Buffered() int }); {
	case resp.Body == nil || resp.Length > mostDrained:
	case resp.Length >= 0:
		_, _ = io.CopyN(io.Discard, resp.Body, mostDrained)
	case ok:
		for n := 0; n < mostDrained; {
			here := b.Buffered()
			if here == 0 {
				return
			}
			got, err := io.CopyN(io.Discard, resp.Body, int64(here))
			if n += int(got); err != nil {
				return
			}
		}
	}
}

// A givenUp reads until nobody needs it any more.
type givenUp struct {
	io.Reader
	j *job
}

var errGivenUp = errors.New("nobody needs the answer any more")

// Read reads.
func (g *givenUp) Read(b []byte) (int, error) {
	if g.j.stop.Load() {
		return 0, errGivenUp
	}
	return g.Reader.Read(b)
}

// content reads the body as the call wants it, nil for none.
func (j *job) content(resp *wire.Response) (any, error) {
	if resp.Body == nil {
		return nil, nil
	}
	b, err := j.bytes(resp)
	if err != nil || len(b) == 0 || j.flow != nil {
		return nil, err
	}
	j.body = b
	if j.call.Read == "bytes" {
		return b, nil
	}
	if c := j.call; c.xml != nil {
		return j.fromXML(b, policy.Describe(&resp.Header).Charset)
	}
	if b, err = utf8Of(b, resp.Header.Known(wire.ContentType)); err != nil {
		return nil, err
	}
	if j.call.Read == "text" {
		return string(b), nil
	}
	return j.fromJSON(b)
}

// fromXML makes JSON of XML, which may be no larger than the XML may.
func (j *job) fromXML(b []byte, charset string) (any, error) {
	made, err := j.call.xml.JSON(b, charset)
	if err == nil && int64(len(made)) > int64(j.call.MaxBody) {
		err = xmlmap.ErrLarge
	}
	switch {
	case errors.Is(err, xmlmap.ErrLarge):
		return nil, &callError{502, "was answered with too large a body", err}
	case err != nil:
		return nil, &callError{502, "was answered with what is no good XML", err}
	}
	return j.fromJSON(made)
}

// fromJSON reads JSON and gives it its shape.
func (j *job) fromJSON(b []byte) (any, error) {
	err := j.outline.Check(b)
	if b = j.outline.Value; err == nil && j.call.shape != nil {
		b, err = j.call.shape.Append(make([]byte, 0, len(b)), b)
	}
	if err != nil {
		return nil, &callError{502, "was answered with what is no good JSON", err}
	}
	j.body = b
	return expr.Raw(b), nil
}

// bytes reads the body without its encoding, unless it is to flow.
func (j *job) bytes(resp *wire.Response) ([]byte, error) {
	body, length, err := j.plain(resp)
	if err != nil {
		return nil, err
	}
	limit := int64(j.call.MaxBody)
	if j.mayFlow(resp) && (length < 0 || length > ahead && length <= limit) {
		b, err := j.collect(body, -1, min(ahead, limit))
		if ahead < limit && errors.Is(err, policy.ErrTooLarge) {
			return nil, j.begin(resp, body)
		}
		return b, j.unread(err)
	}
	b, err := j.collect(body, length, limit)
	return b, j.unread(err)
}

// plain is the body without its encoding, and its length, -1 for one that is not known.
func (j *job) plain(resp *wire.Response) (io.Reader, int64, error) {
	j.reader = givenUp{resp.Body, j}
	var body io.Reader = &j.reader
	length := resp.Length
	switch coding := strings.ToLower(strings.TrimSpace(resp.Header.Get("Content-Encoding"))); coding {
	case "", "identity":
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(body)
		switch {
		case timedOut(err) || err != nil && j.run.client.hasLeft():
			return nil, 0, j.unread(err)
		case err != nil:
			return nil, 0, &callError{502, "was answered with a body that cannot be read", err}
		}
		body, length = z, -1
	default:
		return nil, 0, &callError{502, "was answered in an encoding that is not understood", fmt.Errorf("content-encoding %.40q", coding)}
	}
	return body, length, nil
}

// unread is the error of a body that could not be read.
func (j *job) unread(err error) error {
	switch {
	case err == nil:
		return nil
	case j.run.client.hasLeft():
		return wire.ErrClientGone
	case errors.Is(err, policy.ErrTooLarge):
		return &callError{502, "was answered with too large a body", err}
	case timedOut(err):
		return &callError{504, "took too long", err}
	}
	return &callError{502, "was answered with a body that broke off", err}
}

func timedOut(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// utf8Of returns b in UTF-8, whatever its content type says that it is in.
func utf8Of(b []byte, contentType string) ([]byte, error) {
	if strings.HasPrefix(string(b[:min(3, len(b))]), "\xef\xbb\xbf") {
		return b[3:], nil
	}
	if contentType == "" || !strings.Contains(strings.ToLower(contentType), "charset") {
		return b, nil
	}
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return b, nil //nolint:nilerr // a type that cannot be read says nothing of the charset
	}
	switch charset := strings.ToLower(params["charset"]); charset {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		return b, nil
	case "iso-8859-1", "latin1":
		out := make([]rune, len(b))
		for i, c := range b {
			out[i] = rune(c)
		}
		return []byte(string(out)), nil
	default:
		return nil, &callError{502, "was answered in a charset that is not understood", fmt.Errorf("charset %.40q", charset)}
	}
}
