package expr

// This file keeps what expressions looked at out of what is said of their failures: that is for logs, and passwords and tokens would end there.

import (
	"errors"
	"strings"

	"sallyport/problem"
)

// quiet leaves out of err what it quotes, unless the expression itself has it.
func (p *program) quiet(err error) error {
	var absent *Missing
	var told *problem.Problem
	switch {
	case errors.As(err, &told):
		return err
	case errors.As(err, &absent):
		if absent.Key == "" || strings.Contains(p.src, absent.Key) {
			return err
		}
		r := absent.Ref
		r.Key = "…"
		return &Missing{r}
	}
	text := err.Error()
	if said := p.unquoted(text); said != text {
		return &quieted{said, err}
	}
	return err
}

// unquoted replaces what stands between the first and the last quotation mark of a sort: what is quoted may have some itself.
func (p *program) unquoted(text string) string {
	for _, mark := range []string{`"`, "`", "'"} {
		before, rest, found := strings.Cut(text, mark)
		if !found {
			continue
		}
		end := strings.LastIndex(rest, mark)
		switch {
		case end >= 0 && strings.Contains(p.src, rest[:end]):
		case end >= 0:
			text = before + "…" + rest[end+1:]
		case mark != "'":
			text = before + "…"
		}
	}
	return text
}

// A quieted error says less than its cause.
type quieted struct {
	said  string
	cause error
}

func (q *quieted) Error() string { return q.said }
func (q *quieted) Unwrap() error { return q.cause }
