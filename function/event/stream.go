package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"sallyport/wire"
)

// Streamed says by the content type of a streamed result that it begins with a head.
const Streamed = "application/vnd.awslambda.http-integration-response"

// maxHead bounds that head.
const maxHead = 256 << 10

// endOfHead ends it.
var endOfHead = make([]byte, 8)

// Stream makes the response that a function streams: of its head, which is JSON as a result without a body, and what follows as it comes; or,
// when the type says that there is no head, of all of it. It takes body over, and waits for the head.
func Stream(kind string, body io.ReadCloser) (*wire.Response, error) {
	if kind != Streamed {
		resp := &wire.Response{Status: 200, Body: body, Length: -1}
		if kind == "" || !wire.ValidValue(kind) {
			kind = "application/octet-stream"
		}
		resp.Header.SetKnown(wire.ContentType, kind)
		return resp, nil
	}
	resp, rest, err := head(body)
	if err != nil {
		_ = body.Close()
		return nil, err
	}
	resp.Body, resp.Length = &joined{io.MultiReader(bytes.NewReader(rest), body), body}, -1
	if resp.Status == 204 || resp.Status == 205 || resp.Status == 304 {
		resp.Close()
		resp.Length = 0
	}
	return resp, nil
}

// head reads the head, and what came with it of the rest.
func head(body io.Reader) (resp *wire.Response, rest []byte, err error) {
	var got []byte
	room := make([]byte, 4<<10)
	for {
		n, err := body.Read(room)
		got = append(got, room[:n]...)
		if i := bytes.Index(got, endOfHead); i >= 0 {
			resp, err := headOf(got[:i])
			return resp, got[i+len(endOfHead):], err
		}
		switch {
		case err == io.EOF:
			return nil, nil, errors.New("the streamed result ended within its head")
		case err != nil:
			return nil, nil, err
		case len(got) > maxHead:
			return nil, nil, errors.New("the head of the streamed result does not end")
		}
	}
}

func headOf(b []byte) (*wire.Response, error) {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("read the head of the streamed result: %w", err)
	}
	resp, err := headed(m)
	if err != nil {
		return nil, err
	}
	if err := cookies(resp, m); err != nil {
		return nil, err
	}
	if err := bounded(&resp.Header); err != nil {
		return nil, err
	}
	if !resp.Header.HasKnown(wire.ContentType) {
		resp.Header.SetKnown(wire.ContentType, "application/octet-stream")
	}
	return resp, nil
}

// A joined reads from one and closes the other.
type joined struct {
	io.Reader
	io.Closer
}
