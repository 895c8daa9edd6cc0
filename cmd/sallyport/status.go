package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"sallyport/balance"
	"sallyport/gateway"
)

func statusCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "status",
		Short: "Show how a running gateway is doing",
		Long: `Show how a running gateway is doing: the document in service and what is wrong with the newest one, the
listeners, and each target's health, latency and load.
The exit code is 1 when the gateway cannot be asked, is not ready, or does not serve the newest document.
The token needs the role viewer.`,
		Example: "  sallyport status -c sallyport.yaml\n  sallyport status --json --admin 127.0.0.1:9901",
		Args:    noArgs,
	}
	gw, asJSON := clientFlags(c), jsonFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		body, err := gw.ask("GET", "/api/status", nil)
		if err != nil {
			return found(err)
		}
		var s gateway.Status
		if err := json.Unmarshal(body, &s); err != nil {
			return found(fmt.Errorf("the gateway's answer cannot be read: %w", err))
		}
		if *asJSON {
			fmt.Fprint(c.OutOrStdout(), string(body))
		} else {
			printStatus(c.OutOrStdout(), &s, time.Now())
		}
		if !s.Ready || len(s.Config.Errors) > 0 {
			return &finding{}
		}
		return nil
	}
	return c
}

// screen is what a status is made to fit.
const screen = 80

func printStatus(w io.Writer, s *gateway.Status, now time.Time) {
	c := printer(w)
	state := c.green("ready")
	switch {
	case s.Draining:
		state = c.yellow("draining")
	case !s.Ready:
		state = c.red("not ready")
	}
	fmt.Fprintf(w, "%s  sallyport %s, process %d, up %s\n", state, s.Version, s.PID, lasted(now.Sub(s.Started)))
	fmt.Fprint(w, wrapTo(screen, fmt.Sprintf("document %s, number %d, %s", s.Config.Source, s.Config.Number, count(s.Config.Routes, "route")), ""))
	if kept := s.Config.LastGood; kept != nil {
		fmt.Fprint(w, c.yellow(wrapTo(screen, "the last good document, of "+kept.Saved.Format("2006-01-02 15:04 MST")+", is served: the one at hand was broken at the start", "")))
	}
	if n := len(s.Config.Errors); n > 0 {
		fmt.Fprintln(w, c.red(fmt.Sprintf("the newest document, of %s, is refused:", s.Config.Tried.Format(time.DateTime))))
		for _, e := range s.Config.Errors[:min(n, 10)] {
			fmt.Fprint(w, wrapTo(screen, e, "  "))
		}
		if n > 10 {
			fmt.Fprintf(w, "  and %d more\n", n-10)
		}
	}
	r := &s.Requests
	fmt.Fprintf(w, "%s under way, %s\n", count(int(r.Inflight), "request"), count(int(r.Connections), "connection"))
	if r.TurnedAway+r.AcceptErrors+r.AccessLogMissed > 0 {
		fmt.Fprintln(w, c.yellow(fmt.Sprintf("%s turned away, %s of accept, %s of the access log lost",
			count(int(r.TurnedAway), "connection"), count(int(r.AcceptErrors), "error"), count(int(r.AccessLogMissed), "line"))))
	}
	printStore(w, s.Store, now)
	printListeners(w, s.Listeners)
	printTargets(w, s.Upstreams)
	printVersions(w, s.Versions)
}

func printStore(w io.Writer, s *gateway.StoreStatus, now time.Time) {
	if s == nil {
		return
	}
	c := printer(w)
	if s.State != "open" {
		fmt.Fprint(w, wrapTo(screen, fmt.Sprintf("store %s, %s", s.File, s.State), ""))
		return
	}
	saved := "never backed up"
	if s.BackedUp != nil {
		saved = "backed up " + lasted(now.Sub(*s.BackedUp)) + " ago"
	}
	fmt.Fprint(w, wrapTo(screen, fmt.Sprintf("store %s, %s KiB, schema %d, %s", s.File, strconv.FormatInt((s.Bytes+1023)>>10, 10), s.Schema, saved), ""))
	if s.Failures > 0 {
		fmt.Fprintln(w, c.red(count(int(s.Failures), "change")+" could not be written to the store; the log says why"))
	}
}

func printListeners(w io.Writer, all []gateway.ListenerStatus) {
	var rows [][]string
	for _, l := range all {
		rows = append(rows, []string{l.Address, l.Bound, strconv.FormatInt(l.Connections, 10)})
	}
	if len(rows) > 0 {
		fmt.Fprintln(w)
		head := []string{"LISTENER", "BOUND", "CONNECTIONS"}
		table(w, head, fit(head, rows, 0, 1))
	}
}

func printTargets(w io.Writer, all []balance.Status) {
	var rows [][]string
	for _, u := range all {
		for _, t := range u.Targets {
			rows = append(rows, targetRow(u.Name, &t))
		}
		if len(u.Targets) == 0 {
			rows = append(rows, noTarget(&u))
		}
	}
	if len(rows) > 0 {
		fmt.Fprintln(w)
		head := []string{"UPSTREAM", "TARGET", "HEALTH", "LATENCY", "ACTIVE", "OPEN", "WAITING"}
		table(w, head, fit(head, rows, 1, 0))
	}
}

// noTarget is the row of an upstream whose targets are not found.
func noTarget(u *balance.Status) []string {
	row := []string{u.Name, "", "no targets", "", "", "", ""}
	for _, s := range u.Sources {
		if s.Found == 0 {
			row[1] = s.Kind + " " + s.Name
		}
	}
	return row
}

func targetRow(upstream string, t *balance.TargetStatus) []string {
	latency := t.Latency
	if d, err := time.ParseDuration(latency); err == nil {
		latency = rough(d)
	}
	return []string{upstream, t.URL, healthOf(t), latency, strconv.Itoa(t.Active), strconv.Itoa(t.Open), strconv.Itoa(t.Waiting)}
}

// healthOf says in a word or two whether a target gets calls.
func healthOf(t *balance.TargetStatus) string {
	switch {
	case t.Why != "":
		return strings.TrimSpace(strings.ReplaceAll(t.Why, "_", " ") + " " + t.Out)
	case !t.Healthy:
		return strings.TrimSpace("out " + t.Out)
	case t.Ramp != "":
		return "good, " + t.Ramp
	}
	return "good"
}

// rough is d with three digits at most.
func rough(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < 100*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	case d < 10*time.Second:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// lasted is a long time in its two largest units.
func lasted(d time.Duration) string {
	switch h := int(d.Hours()); {
	case d < time.Hour:
		return d.Round(time.Second).String()
	case h < 48:
		return fmt.Sprintf("%dh%dm", h, int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%dd%dh", h/24, h%24)
	}
}

// fit shortens the cells of some columns, the first one first, until the table is no wider than the screen. Its cells keep
// their end, by which addresses differ.
func fit(head []string, rows [][]string, columns ...int) [][]string {
	wide := make([]int, len(head))
	total := -2
	for i := range head {
		for _, row := range append([][]string{head}, rows...) {
			wide[i] = max(wide[i], utf8.RuneCountInString(row[i]))
		}
		total += wide[i] + 2
	}
	for _, i := range columns {
		room := max(wide[i]-max(total-screen, 0), 12, utf8.RuneCountInString(head[i]))
		for _, row := range rows {
			if cell := []rune(row[i]); len(cell) > room {
				row[i] = "…" + string(cell[len(cell)-room+1:])
			}
		}
		total -= max(wide[i]-room, 0)
	}
	return rows
}
