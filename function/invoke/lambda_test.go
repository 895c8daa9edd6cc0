package invoke_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// This file is Lambda as the tests have it: a server that judges signatures by itself, as Amazon documents them (Signature Version 4,
// "Create a signed AWS API request"), with nothing of the library that made them.

// Credentials that it knows. Nothing of them may show anywhere.
const (
	keyID   = "AKIDCANARYCANARY0001"
	secret  = "canary/secret+wJalrXUtnFEMI/K7MDENG"
	session = "canary-session-token//////////FwoGZXIvYXdzE=="
	region  = "eu-central-1"
)

// A lambda is the API of Lambda in one region.
type lambda struct {
	*httptest.Server
	t       *testing.T
	opened  atomic.Int64 // connections
	mu      sync.Mutex   // guards what follows
	session string       // that the key needs, "" for none
	skew    time.Duration
	code    map[string]http.HandlerFunc // by function, with its qualifier
	got     []received
}

// A received is a call with a good signature.
type received struct {
	uri    string
	header http.Header
	event  map[string]any
}

func newLambda(t *testing.T) *lambda {
	l := &lambda{t: t, session: session, code: map[string]http.HandlerFunc{}}
	l.Server = httptest.NewUnstartedServer(l)
	l.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			l.opened.Add(1)
		}
	}
	l.Start()
	t.Cleanup(l.Close)
	return l
}

// has sets the code of a function, which gets the event as the body.
func (l *lambda) has(name string, code http.HandlerFunc) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.code[name] = code
}

// returns is the code of a function that returns a result.
func returns(result string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, result) }
}

func (l *lambda) last() received {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.got) == 0 {
		l.t.Fatal("no call came")
	}
	return l.got[len(l.got)-1]
}

// ServeHTTP implements http.Handler.
func (l *lambda) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Amzn-RequestId", "aws-0001")
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if kind, message := l.judge(r, body); kind != "" {
		refuse(w, http.StatusForbidden, kind, message)
		return
	}
	path, _, _ := strings.Cut(r.RequestURI, "?")
	rest, single := strings.CutPrefix(path, "/2015-03-31/functions/")
	name, tail, _ := strings.Cut(rest, "/")
	if !single {
		rest, _ = strings.CutPrefix(path, "/2021-11-15/functions/")
		name, tail, _ = strings.Cut(rest, "/")
	}
	if name, err = url.PathUnescape(name); err != nil || r.Method != "POST" || single && tail != "invocations" || !single && tail != "response-streaming-invocations" {
		refuse(w, http.StatusNotFound, "UnknownOperationException", "there is no such operation")
		return
	}
	if q := r.URL.Query().Get("Qualifier"); q != "" {
		name += ":" + q
	}
	in := received{uri: r.RequestURI, header: r.Header}
	if err := json.Unmarshal(body, &in.event); err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestContentException", "Could not parse request body into json")
		return
	}
	l.mu.Lock()
	code := l.code[name]
	l.got = append(l.got, in)
	l.mu.Unlock()
	if code == nil {
		refuse(w, http.StatusNotFound, "ResourceNotFoundException", "Function not found: "+name)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	code(w, r)
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("X-Amzn-ErrorType", kind)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message})
}

// judge says what is wrong with the signature of a request, "" for nothing.
func (l *lambda) judge(r *http.Request, body []byte) (kind, message string) {
	l.mu.Lock()
	now, needs := time.Now().Add(l.skew), l.session
	l.mu.Unlock()
	auth, ok := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	if !ok {
		return "MissingAuthenticationTokenException", "Missing Authentication Token"
	}
	parts := map[string]string{}
	for item := range strings.SplitSeq(auth, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(item), "=")
		parts[name] = value
	}
	scope := strings.Split(parts["Credential"], "/")
	if len(scope) != 5 || scope[4] != "aws4_request" {
		return "IncompleteSignatureException", "the credential has no scope"
	}
	date := r.Header.Get("X-Amz-Date")
	at, err := time.Parse("20060102T150405Z", date)
	if err != nil || scope[1] != date[:8] {
		return "IncompleteSignatureException", "Date must be in ISO-8601 'basic format'"
	}
	const off = 5 * time.Minute
	switch {
	case scope[0] != keyID:
		return "UnrecognizedClientException", "The security token included in the request is invalid: " + scope[0]
	case needs != r.Header.Get("X-Amz-Security-Token"):
		return "UnrecognizedClientException", "The security token included in the request is invalid."
	case at.Before(now.Add(-off)):
		return "InvalidSignatureException", fmt.Sprintf("Signature expired: %s is now earlier than %s", date, now.Add(-off).Format("20060102T150405Z"))
	case at.After(now.Add(off)):
		return "InvalidSignatureException", fmt.Sprintf("Signature not yet current: %s is still later than %s", date, now.Add(off).Format("20060102T150405Z"))
	case scope[2] != region || scope[3] != "lambda":
		return "InvalidSignatureException", "Credential should be scoped to a valid region."
	}
	signed := strings.Split(parts["SignedHeaders"], ";")
	for name := range r.Header {
		if low := strings.ToLower(name); strings.HasPrefix(low, "x-amz-") && !slices.Contains(signed, low) {
			return "InvalidSignatureException", "a field is not signed: " + low
		}
	}
	if !slices.Contains(signed, "host") || !slices.IsSorted(signed) {
		return "InvalidSignatureException", "'Host' must be a 'SignedHeader', and they are sorted"
	}
	canonical := canonicalRequest(r, signed, body)
	if want := signatureOf(canonical, secret, date, scope[2], scope[3]); want != parts["Signature"] {
		return "InvalidSignatureException", "The request signature we calculated does not match the signature you provided.\n\nThe Canonical String for this request should have been\n'" + canonical + "'"
	}
	return "", ""
}

// canonicalRequest writes a request as it is signed.
func canonicalRequest(r *http.Request, signed []string, body []byte) string {
	path, query, _ := strings.Cut(r.RequestURI, "?")
	var b strings.Builder
	b.WriteString(r.Method + "\n")
	b.WriteString(encode(path, "/") + "\n") // of what was sent encoded already: that is done twice, but for S3
	var pairs []string
	for item := range strings.SplitSeq(query, "&") {
		if item != "" {
			name, value, _ := strings.Cut(item, "=")
			name, _ = url.QueryUnescape(name)
			value, _ = url.QueryUnescape(value)
			pairs = append(pairs, encode(name, "")+"="+encode(value, ""))
		}
	}
	slices.Sort(pairs)
	b.WriteString(strings.Join(pairs, "&") + "\n")
	for _, name := range signed {
		value := strings.Join(r.Header.Values(name), ",")
		switch name {
		case "host":
			value = r.Host
		case "content-length":
			value = strconv.FormatInt(r.ContentLength, 10)
		}
		b.WriteString(name + ":" + strings.Join(strings.Fields(value), " ") + "\n")
	}
	sum := sha256.Sum256(body)
	b.WriteString("\n" + strings.Join(signed, ";") + "\n" + hex.EncodeToString(sum[:]))
	return b.String()
}

// encode percent-encodes all but unreserved characters and those in keep.
func encode(s, keep string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.~"+keep, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// signatureOf signs a canonical request.
func signatureOf(canonical, secret, date, region, service string) string {
	mac := func(key []byte, text string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	sum := sha256.Sum256([]byte(canonical))
	text := "AWS4-HMAC-SHA256\n" + date + "\n" + date[:8] + "/" + region + "/" + service + "/aws4_request\n" + hex.EncodeToString(sum[:])
	key := mac(mac(mac(mac([]byte("AWS4"+secret), date[:8]), region), service), "aws4_request")
	return hex.EncodeToString(mac(key, text))
}

// The judge judges as Amazon does: by the example of its documentation.
func TestJudge(t *testing.T) {
	r := httptest.NewRequest("GET", "/?Action=ListUsers&Version=2010-05-08", nil)
	r.Host = "iam.amazonaws.com"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	r.Header.Set("X-Amz-Date", "20150830T123600Z")
	canonical := canonicalRequest(r, []string{"content-type", "host", "x-amz-date"}, nil)
	const want = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
	if got := signatureOf(canonical, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830T123600Z", "us-east-1", "iam"); got != want {
		t.Errorf("the signature is %s, want %s, of\n%s", got, want, canonical)
	}
}

// frame packs a message of a stream.
func frame(payload string, fields ...string) []byte {
	var h bytes.Buffer
	for i := 0; i+1 < len(fields); i += 2 {
		h.WriteByte(byte(len(fields[i])))
		h.WriteString(fields[i])
		h.WriteByte(7)
		_ = binary.Write(&h, binary.BigEndian, uint16(len(fields[i+1])))
		h.WriteString(fields[i+1])
	}
	b := binary.BigEndian.AppendUint32(nil, uint32(16+h.Len()+len(payload)))
	b = binary.BigEndian.AppendUint32(b, uint32(h.Len()))
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	b = append(append(b, h.Bytes()...), payload...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

func chunk(payload string) []byte {
	return frame(payload, ":message-type", "event", ":event-type", "PayloadChunk", ":content-type", "application/octet-stream")
}

func complete(how string) []byte {
	return frame(how, ":message-type", "event", ":event-type", "InvokeComplete", ":content-type", "application/json")
}

// streams is the code of a function that streams these messages.
func streams(messages ...[]byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
		for _, m := range messages {
			_, _ = w.Write(m)
			_ = http.NewResponseController(w).Flush()
		}
	}
}
