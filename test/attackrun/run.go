package attackrun

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A Verdict says how a case ended.
type Verdict string

// The verdicts. Warn is for what no rule forbids but a strict gateway would not do; NA for what cannot be
// judged without features that the gateway under test has not.
const (
	Pass Verdict = "PASS"
	Fail Verdict = "FAIL"
	Warn Verdict = "WARN"
	Hang Verdict = "HANG"
	NA   Verdict = "N/A"
)

// A Result is what became of a case.
type Result struct {
	*Case
	Verdict   Verdict
	Why       string
	Status    []int  // of the responses, without 100
	Reached   int    // requests that reached the backend
	Forwarded string // the beginning of the first one
}

func (r *Result) String() string {
	return fmt.Sprintf("%s %s (%s): %s; expected: %s; status %v, %d reached the backend: %s",
		r.Verdict, r.ID, r.Title, r.Why, r.Expect, r.Status, r.Reached, r.Forwarded)
}

// An outcome is what was seen on both sides of the gateway.
type outcome struct {
	status   int   // of the first response, 0 for none
	statuses []int // of all of them, without 100
	closed   bool  // the gateway ended the connection
	raw      string
	requests []*forwarded
	left     []string // bytes on backend connections that make no request
	notes    []string
	heads    string // of all requests
	bodies   []string
}

// Run plays c against the gateway at address, which forwards to b. The case is over when the gateway closes the connection or
// says nothing for as long as settle.
func Run(c *Case, address string, b *Backend, settle time.Duration) *Result {
	b.forget()
	o, err := play(c, address, settle)
	if err != nil {
		return &Result{Case: c, Verdict: Fail, Why: err.Error()}
	}
	time.Sleep(20 * time.Millisecond) // what the gateway does last may reach the backend later than the client
	got, left := b.recorded()
	o.left = left
	for _, r := range got {
		o.requests = append(o.requests, lint(r))
		o.notes = append(o.notes, r.note)
		o.heads += string(r.head)
		o.bodies = append(o.bodies, string(r.body))
	}
	r := judge(c, o)
	r.Status, r.Reached = o.statuses, len(got)
	if len(got) > 0 {
		r.Forwarded = fmt.Sprintf("%.300q", got[0].head)
	}
	return r
}

var statusLine = regexp.MustCompile(`HTTP/1\.[01] (\d{3})`)

func play(c *Case, address string, settle time.Duration) (*outcome, error) {
	conn, err := net.DialTimeout("tcp", address, 2*time.Second)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_ = conn.SetWriteDeadline(time.Now().Add(20 * time.Second))
		for _, s := range c.Send {
			if send(conn, s) != nil {
				return // the gateway has heard enough
			}
		}
	}()
	text, closed := listen(conn, sent, settle)
	_ = conn.Close()
	<-sent
	o := &outcome{raw: text, closed: closed}
	for _, m := range statusLine.FindAllStringSubmatch(text, -1) {
		if n, _ := strconv.Atoi(m[1]); n != 100 {
			o.statuses = append(o.statuses, n)
		}
	}
	if len(o.statuses) > 0 {
		o.status = o.statuses[0]
	}
	return o, nil
}

// listen reads until the end, or until silence once all was sent, but not for ever.
func listen(conn net.Conn, sent <-chan struct{}, settle time.Duration) (text string, closed bool) {
	var b bytes.Buffer
	buf := make([]byte, 64<<10)
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		_ = conn.SetReadDeadline(time.Now().Add(settle))
		n, err := conn.Read(buf)
		b.Write(buf[:n])
		if err == nil {
			continue
		}
		if !os.IsTimeout(err) {
			return b.String(), true
		}
		select {
		case <-sent:
			return b.String(), false
		default:
		}
	}
	return b.String(), false
}

func send(conn net.Conn, s Step) error {
	if s.SleepMs > 0 {
		time.Sleep(time.Duration(s.SleepMs) * time.Millisecond)
		return nil
	}
	block := bytes.Repeat(s.Text, min(s.Times, max(1, 64<<10/max(1, len(s.Text)))))
	for left := s.Times * len(s.Text); left > 0; left -= len(block) {
		if _, err := conn.Write(block[:min(left, len(block))]); err != nil {
			return err
		}
	}
	return nil
}

// trailers returns the fields that stand behind the last chunk of forwarded bodies.
func (o *outcome) trailers(name string) bool {
	for _, b := range o.bodies {
		if strings.Contains(strings.ToLower(b), "\r\n"+name+":") {
			return true
		}
	}
	return false
}
