package policy

// Which bodies somebody reads, and which are nobody's to read: the same for all that judge bodies or make them anew.

import (
	"errors"

	"sallyport/problem"
	"sallyport/wire"
)

// Reads is which bodies somebody reads.
type Reads struct {
	Types []Media
	What  string // in the words of the client: "JSON"
	UTF8  bool   // their text has to be in UTF-8
	Pass  bool   // those of other types go on as they are
}

// Request says whether the body that h, the header of a request, describes is read. An error says why the request is refused: it is in
// another type, charset or encoding than is read, or just a part of a body.
func (r *Reads) Request(h *wire.Header) (d Described, read bool, err error) {
	d = Describe(h)
	switch {
	case d.Twice:
		err = problem.BadMedia.New("The request has several Content-Type fields.")
	case !d.Is(r.Types) && r.Pass:
		return d, false, nil
	case !d.Is(r.Types):
		err = problem.BadMedia.New("A body of %s is wanted here.", r.What)
	case r.UTF8 && !d.UTF8():
		err = problem.BadMedia.New("%s is wanted in UTF-8 here.", r.What)
	case d.Encoded:
		err = problem.BadMedia.New("A body without Content-Encoding is wanted here.").With("Accept-Encoding", "identity")
	case h.Has("Content-Range"): // RFC 9110 §14.5
		err = problem.BadRequest.New("The whole of a body is wanted here, not a part of it.")
	}
	return d, err == nil, err
}

// Why the body of a response is not read.
var (
	ErrOtherType = errors.New("the response is of another type than is read, or has several Content-Type fields")
	ErrUnread    = errors.New("the response cannot be read: it is compressed, partial or not in UTF-8")
)

// Response says whether the body of a response, which has one, is read. An error is the problem response_invalid.
func (r *Reads) Response(resp *wire.Response) (d Described, read bool, err error) {
	d = Describe(&resp.Header)
	switch {
	case !d.Twice && !d.Is(r.Types) && r.Pass:
		return d, false, nil
	case d.Twice, !d.Is(r.Types):
		err = problem.BadResponse.Wrap(ErrOtherType)
	case r.UTF8 && !d.UTF8(), d.Encoded, resp.Status == 206:
		err = problem.BadResponse.Wrap(ErrUnread)
	}
	return d, err == nil, err
}

// Bodyless says whether a response has no body by its nature, or none that is anybody's to read: a switch of protocols, and the statuses
// without content (RFC 9110 §6.4.1). What answers HEAD is another matter: its header is that of a response with a body.
func Bodyless(resp *wire.Response) bool {
	s := resp.Status
	return resp.Switch != nil || s < 200 || s == 204 || s == 205 || s == 304
}
