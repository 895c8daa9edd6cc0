// Package attackrun sends hostile HTTP/1 to a gateway and judges by what a raw backend behind it gets: nothing that
// two readers could read differently, never more requests than came in front, no path that some reader takes
// for a protected one, no header that the client had no right to.
package attackrun

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

// A Case is one connection's worth of hostile bytes, and what must become of it.
type Case struct {
	ID       string
	Area     string
	Title    string
	Expect   string // in words
	Oracle   string // how it is judged: "name" or "name:argument", see judge
	Send     []Step
	Requests int `json:"client_requests"` // how many requests Send holds; 0 is one
}

// A Step is one thing to do on the connection: bytes to send, some of them many times, or a pause.
type Step struct {
	Text    []byte
	Times   int
	SleepMs int
}

// UnmarshalJSON reads a string, whose characters are bytes, {"repeat": "text", "n": 1000} or {"sleep_ms": 100}.
func (s *Step) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*s = Step{Text: latin1(text), Times: 1}
		return nil
	}
	var o struct {
		Repeat  string
		N       int
		SleepMs int `json:"sleep_ms"`
	}
	if err := json.Unmarshal(b, &o); err != nil {
		return err
	}
	*s = Step{latin1(o.Repeat), o.N, o.SleepMs}
	return nil
}

func latin1(s string) []byte {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		b = append(b, byte(r))
	}
	return b
}

// Load reads cases, one JSON object a line.
func Load(file string) ([]*Case, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var cases []*Case
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		c := &Case{Requests: 1}
		if err := json.Unmarshal(lines.Bytes(), c); err != nil {
			return nil, fmt.Errorf("case %d of %s: %w", len(cases)+1, file, err)
		}
		c.Requests = max(c.Requests, 1)
		cases = append(cases, c)
	}
	return cases, lines.Err()
}
