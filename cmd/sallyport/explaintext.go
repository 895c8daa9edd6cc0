package main

// An explanation as people read it.

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"sallyport/gateway"
)

// width is how long lines are at most where they can be broken.
const width = 100

// maxCandidates is how many routes are listed for people.
const maxCandidates = 20

// A page writes sections of aligned lines.
type page struct {
	io.Writer
	colors
}

func explainText(w io.Writer, e *gateway.Explanation) {
	p := &page{w, printer(w)}
	r := &e.Request
	url := r.Scheme + "://" + r.Host + r.Path
	if r.Query != "" {
		url += "?" + r.Query
	}
	fmt.Fprintln(p, p.bold(strings.TrimSpace(r.Method+" "+url)))
	p.note("from " + r.Client + between(r.Client != r.Peer, ", by the proxy "+r.Peer) + between(r.Listener != "", ", at the listener "+r.Listener))
	if r.Raw != "" {
		p.note("asked for as " + r.Raw)
	}
	p.routes(e)
	p.policies(e.Policies)
	p.upstreams(e)
	p.answer(e)
}

func between(when bool, text string) string {
	if when {
		return text
	}
	return ""
}

func (p *page) head(text string) { fmt.Fprintf(p, "\n%s\n", p.bold(text)) }

func (p *page) note(text string) { fmt.Fprintf(p, "  %s\n", p.faint(text)) }

// lacks says in words why a route does not take the request.
func lacks(r *gateway.ExplainedRoute) string {
	switch r.Lacks {
	case "":
	case "method":
		return "it takes other methods"
	case "path":
		return "close, but its path is another"
	case "host":
		return "it is for another host"
	default:
		return "it asks for " + r.Lacks
	}
	switch r.Behind {
	case "conditions":
		return "it fits; the chosen one asks for more"
	case "priority":
		return "it fits; the chosen one has a higher priority"
	case "method":
		return "it fits; the chosen one names the method"
	case "":
		return "it fits"
	}
	return "it fits; the " + r.Behind + " of the chosen one is more specific"
}

func (p *page) routes(e *gateway.Explanation) {
	if len(e.Routes) == 0 && e.Others == 0 {
		return
	}
	p.head("Routes")
	for i := range e.Routes {
		if i == maxCandidates {
			p.note(fmt.Sprintf("  %d more fit in host and path; --json lists them", len(e.Routes)-i))
			break
		}
		r := &e.Routes[i]
		mark, match, why := " ", r.Match, lacks(r)
		if r.API != "default" {
			match = r.API + ": " + match
		}
		if r.Chosen {
			mark, match, why = p.green(">"), p.green(match), p.green("takes it")
			if !strings.Contains(match, r.Name) {
				why += ", as " + r.Name
			}
		}
		fmt.Fprintf(p, "  %s %s\n      %s  %s\n", mark, match, why, p.faint(r.Place))
	}
	switch {
	case e.Others == 1:
		p.note("  1 other route is for another path or host")
	case e.Others > 1:
		p.note(fmt.Sprintf("  %d other routes are for another path or host", e.Others))
	}
	if v := e.Version; v != nil {
		p.head("Version")
		fmt.Fprintf(p, "  %s  %s\n", p.green(v.API+" "+v.Name), v.Why)
		var rows [][]string
		for _, f := range v.Responses {
			rows = append(rows, []string{f.Name, f.Value})
		}
		p.grid(rows)
	}
	if e.Route == nil || len(e.Route.Params) == 0 {
		return
	}
	p.head("Parameters")
	var rows [][]string
	for _, f := range e.Route.Params {
		rows = append(rows, []string{f.Name, f.Value})
	}
	p.grid(rows)
}

// outcome paints what a policy would do.
func (p *page) outcome(s string) string {
	switch s {
	case "refuses":
		return p.red(s)
	case "skipped", "not reached":
		return p.faint(s)
	}
	return p.green(s)
}

func (p *page) policies(list []gateway.ExplainedPolicy) {
	if len(list) == 0 {
		return
	}
	p.head("Policies")
	var rows [][]string
	for i := range list {
		s := &list[i]
		name := s.Kind + between(s.Use != "", " ("+s.Use+")") + between(s.Of == "api", " of the api")
		var lines []string
		if s.When != "" {
			lines = append(lines, "when "+s.When)
		}
		if s.Why != "" {
			lines = append(lines, s.Why)
		}
		for _, f := range s.Facts {
			lines = append(lines, f.Name+": "+f.Value)
		}
		for _, c := range s.Changes {
			lines = append(lines, fmt.Sprintf("%s: %s %s%s", c.Side, c.Op, c.Name, between(c.Value != "", ": "+c.Value)))
		}
		rows = append(rows, []string{fmt.Sprint(i + 1), name, p.outcome(s.Outcome), first(lines)})
		for _, more := range rest(lines) {
			rows = append(rows, []string{"", "", "", more})
		}
	}
	p.grid(rows)
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

func rest(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list[1:]
}

func percent(share float64) string { return fmt.Sprintf("%.4g %%", share*100) }

func (p *page) upstreams(e *gateway.Explanation) {
	if e.Route != nil && e.Route.Backend == "function" {
		p.head("Function")
		for _, f := range e.Beside {
			p.note(f.Name + ": " + f.Value)
		}
		return
	}
	if e.Balance != "" {
		p.head("Split")
		p.note(e.Balance)
	}
	if len(e.Graph) > 0 {
		p.head("Calls")
		var rows [][]string
		for _, f := range e.Graph {
			rows = append(rows, []string{f.Name, f.Value})
		}
		p.grid(rows)
	}
	for _, f := range e.Beside {
		p.head("Beside")
		p.note(f.Name + ": " + f.Value)
	}
	for i := range e.Upstreams {
		c := &e.Upstreams[i]
		title := "Upstream " + c.Upstream
		switch {
		case c.Chosen && c.Share < 1:
			title += ", which gets this request"
		case c.Share < 1:
			title += ", which gets " + percent(c.Share) + " of the requests"
		}
		p.head(title)
		p.call(c)
	}
}

// call writes the request to one upstream.
func (p *page) call(c *gateway.ExplainedCall) {
	path, host := c.Path, c.Host
	if len(c.Targets) > 0 {
		path, host = c.Targets[0].Path, c.Targets[0].Host
	}
	for _, t := range c.Targets {
		if t.Path != path {
			path = c.Path
		}
		if t.Host != host {
			host = "each target's own"
		}
	}
	rows := [][]string{{"request", c.Method + " " + path + " by " + c.Protocol + between(c.Body != "", ", with a body of "+c.Body)}, {"host", host}}
	add := func(label, text string) { rows = append(rows, []string{label, text}) }
	for _, f := range c.Headers {
		line := f.Name + ": " + f.Value
		switch f.From {
		case "added":
			add("+", p.green(line))
		case "changed":
			add("~", p.yellow(line))
		default:
			add("", line)
		}
	}
	for _, f := range c.Removed {
		add("-", p.red(f.Name)+between(f.By == "gateway", ", which clients may not say"))
	}
	for i, t := range c.Targets {
		state := p.green("in service")
		if !t.Healthy {
			state = p.red("out" + between(t.Out != "", " for "+t.Out))
		}
		if t.Why != "" {
			state += " (" + strings.ReplaceAll(t.Why, "_", " ") + ")"
		}
		label := ""
		if i == 0 {
			label = "targets"
		}
		add(label, fmt.Sprintf("%s  %s, %s%s", t.URL, percent(t.Share), state, between(t.Latency != "", ", answers in "+t.Latency)))
	}
	add("balance", c.Balance)
	for _, f := range c.Settings {
		add(f.Name, f.Value)
	}
	p.grid(rows)
}

func (p *page) answer(e *gateway.Explanation) {
	a := e.Answer
	if a == nil {
		return
	}
	p.head("Answer")
	status := fmt.Sprint(a.Status)
	if a.Problem != "" {
		status += " " + a.Problem
	}
	if e.Outcome == "refused" {
		status = p.red(status)
	} else {
		status = p.green(status)
	}
	rows := [][]string{{"status", status + ", by " + a.By}}
	for _, line := range []struct{ name, text string }{{"title", a.Title}, {"detail", a.Detail}, {"cause", a.Cause}} {
		if line.text != "" {
			rows = append(rows, []string{line.name, line.text})
		}
	}
	for _, h := range a.Headers {
		rows = append(rows, []string{h.Name, h.Value})
	}
	p.grid(rows)
	if a.Body != "" {
		fmt.Fprintf(p, "\n  %s\n", strings.ReplaceAll(strings.TrimRight(a.Body, "\n"), "\n", "\n  "))
	}
}

// grid writes rows with aligned columns, the last of which is broken where a line gets too long.
func (p *page) grid(rows [][]string) {
	wide := []int{}
	for _, row := range rows {
		for i, cell := range row[:len(row)-1] {
			if i == len(wide) {
				wide = append(wide, 0)
			}
			wide[i] = max(wide[i], seen(cell))
		}
	}
	for _, row := range rows {
		line := " "
		for i, cell := range row[:len(row)-1] {
			pad := strings.Repeat(" ", wide[i]-seen(cell))
			if sign(cell) { // in front of what it is about
				cell, pad = pad, cell
			}
			line += " " + cell + pad + " "
		}
		indent := seen(line) + 1
		for i, part := range broken(row[len(row)-1], width-indent) {
			if i > 0 {
				line = strings.Repeat(" ", indent-1)
			}
			fmt.Fprintln(p, strings.TrimRight(line+" "+part, " "))
		}
	}
}

// sign says whether cell is one of the marks of a changed line.
func sign(cell string) bool { return cell == "+" || cell == "-" || cell == "~" }

// seen is how many columns text takes, colours aside.
func seen(text string) (n int) {
	for text != "" {
		if strings.HasPrefix(text, "\x1b[") {
			if end := strings.IndexByte(text, 'm'); end > 0 {
				text = text[end+1:]
				continue
			}
		}
		_, size := utf8.DecodeRuneInString(text)
		text = text[size:]
		n++
	}
	return n
}

// broken breaks text at spaces into lines of at most so many columns, where that can be.
func broken(text string, most int) (lines []string) {
	line := ""
	for word := range strings.SplitSeq(text, " ") {
		switch {
		case line == "":
			line = word
		case seen(line)+1+seen(word) > most:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
