package admin

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"sallyport/identity"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/store/sqlite"
)

// This file is what all requests about who may come in have in common: bodies that are read strictly, pages of lists, versions of what
// is shown, and what is told when something cannot be done.

var (
	notFound = problem.Define("not_found", 404, "Not found", "The admin listener was asked for something that neither the document nor the store has.")
	conflict = problem.Define("conflict", 409, "Conflict", "The admin listener was asked for a change that what is there already does not allow; what stands in the document is changed in the document.")
	outdated = problem.Define("precondition_failed", 412, "Precondition failed", "What the admin listener was asked to change is not any more as If-Match or If-None-Match says; read it again first.")
	noStore  = problem.Define("store_unavailable", 503, "Store unavailable", "Nothing can be written to the store now.")
)

// maxOrder bounds the body of a request that says what to do with whom.
const maxOrder = 64 << 10

// order reads the body of r, which is JSON with nothing in it that is not known.
func order(w http.ResponseWriter, r *http.Request, into any, example string) *problem.Problem {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxOrder))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return problem.BodyTooBig.New("The body has at most %d bytes.", tooLarge.Limit)
	case err != nil:
		return problem.BadRequest.New("The body cannot be read.").Because(err)
	}
	n, errs := schema.Parse("body", body) // which finds names that are there twice, too
	if len(errs) > 0 || !json.Valid(body) || n.Kind != schema.Map {
		return problem.BadRequest.New("The body is no JSON object; write one such as %s", example)
	}
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return problem.BadRequest.New("The body is not as wanted: %s; write one such as %s", plain(err), example)
	}
	return nil
}

// plain is an error of decoding in words that need no knowledge of Go, and without what was sent, which may be a password.
func plain(err error) string {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return fmt.Sprintf("%s is of the wrong type", kind.Field)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return "there is no field " + name
	}
	var wrong *wrongValue
	if errors.As(err, &wrong) {
		return wrong.text
	}
	return "it cannot be read"
}

// A wrongValue is why a field is refused, in words for who sent it.
type wrongValue struct{ text string }

func (w *wrongValue) Error() string { return w.text }

// refusedChange is what is told of a change that was not made.
func refusedChange(err error) *problem.Problem {
	var invalid *identity.Invalid
	switch {
	case errors.As(err, &invalid):
		p := problem.BadRequest.New("%s: %s", invalid.Field, invalid.Msg)
		p.Extra = map[string]any{"field": invalid.Field}
		return p
	case errors.Is(err, identity.ErrNone):
		return notFound.New("%v", err)
	case errors.Is(err, identity.ErrThere):
		return conflict.New("%v", err)
	case errors.Is(err, identity.ErrReadOnly):
		return noStore.New("Another program is about to take over; ask it in a moment.").With("Retry-After", "1")
	case errors.Is(err, identity.ErrNoStore):
		return noStore.New("This gateway has no store to keep anything in; give it a data directory, or store: in the document.").With("Retry-After", "60")
	case errors.Is(err, identity.ErrBusy):
		return problem.Overloaded.New("%v", err).With("Retry-After", "2")
	case errors.Is(err, sqlite.ErrFull):
		return noStore.New("There is no room on the disk.").Because(err).With("Retry-After", "60")
	}
	return noStore.Wrap(err).With("Retry-After", "5")
}

// inDocument is what is told of who wants to change what the document says.
func inDocument(what, name string) *problem.Problem {
	return conflict.New("The %s %q stands in the document; change it there and reload.", what, name)
}

// A page is which part of a list is wanted.
type page struct {
	after string // the last one of the page before, "" from the beginning
	limit int
}

// Bounds of a page.
const (
	usualPage = 100
	maxPage   = 1000
)

// asked reads what r wants of a list: its page, and filters of these names. Anything else in the query is refused, since a filter
// that is misspelt would let everything through.
func asked(r *http.Request, names ...string) (p page, filters map[string]string, bad *problem.Problem) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return p, nil, problem.BadRequest.New("The query cannot be read.")
	}
	p.limit = usualPage
	filters = map[string]string{}
	for name, values := range query {
		switch {
		case len(values) > 1:
			return p, nil, problem.BadRequest.New("The query has %s more than once.", name)
		case name == "after":
			p.after = values[0]
		case name == "limit":
			n, err := strconv.Atoi(values[0])
			if err != nil || n < 1 || n > maxPage {
				return p, nil, problem.BadRequest.New("limit is 1 to %d.", maxPage)
			}
			p.limit = n
		case slices.Contains(names, name):
			filters[name] = values[0]
		default:
			return p, nil, problem.BadRequest.New("The query has %q, which is none of %s.", name, strings.Join(append(names, "after", "limit"), ", "))
		}
	}
	return p, filters, nil
}

// cut returns the page of a list, and the name by which to ask for the next one, "" at the end.
func cut[T any](all []T, p page, name func(*T) string) (some []T, next string, bad *problem.Problem) {
	from := 0
	if p.after != "" {
		i := slices.IndexFunc(all, func(one T) bool { return name(&one) == p.after })
		if i < 0 {
			return nil, "", lost()
		}
		from = i + 1
	}
	some = all[from:min(from+p.limit, len(all))]
	if from+len(some) < len(all) {
		next = name(&some[len(some)-1])
	}
	return some, next, nil
}

// lost is what is told when the last entry of the page before is gone, so that nobody takes a part of a list for all of it.
func lost() *problem.Problem {
	return problem.BadRequest.New("The entry that after names is not in the list any more; ask again from the beginning.")
}

// etag tells versions of what is shown apart.
func etag(v any) string {
	text, _ := json.Marshal(v) // it is shown as such
	sum := sha256.Sum256(text)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}

// unchanged says whether what there is now is what r wants to change, by If-Match and If-None-Match (RFC 9110 §13.1). now is nil when there is
// nothing.
func unchanged(r *http.Request, now any) *problem.Problem {
	if want := r.Header.Get("If-Match"); want != "" {
		if now == nil || want != "*" && !listed(want, etag(now)) {
			return outdated.New("It is not any more as If-Match says.")
		}
	}
	if want := r.Header.Get("If-None-Match"); want != "" && now != nil && (want == "*" || listed(want, etag(now))) {
		return outdated.New("It is there already, which If-None-Match does not want.")
	}
	return nil
}

func listed(list, tag string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(one) == tag {
			return true
		}
	}
	return false
}

// made shows what there is now at a place that was not there before.
func (s *Server) made(w http.ResponseWriter, location string, v any) *problem.Problem {
	w.Header().Set("Location", location)
	return s.showAs(w, http.StatusCreated, v)
}

// gone says that something is not there any more.
func gone(w http.ResponseWriter) *problem.Problem {
	w.WriteHeader(http.StatusNoContent)
	return nil
}
