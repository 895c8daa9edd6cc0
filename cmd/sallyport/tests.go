package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"sallyport/routetest"
	"sallyport/schema"
)

func testCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "test [NAME...]",
		Short: "Run the tests of a document",
		Long: `Run what stands under tests: in the document, or those of it with the names given, in which * is any text.
The gateway is the real one; its upstreams answer what the tests say, and its time moves when they
say so. Nothing is opened or sent. docs/testing.md tells how tests are written.
The exit code is 0 when all tests passed, 1 when one failed or there is none.`,
		Example: "  sallyport test -c sallyport.yaml\n  sallyport test 'limits *' -v",
		Args:    cobra.ArbitraryArgs,
	}
	file, asJSON := fileFlag(c), jsonFlag(c)
	verbose := c.Flags().BoolP("verbose", "v", false, "tell of every request, and of routes without a test")
	c.RunE = func(c *cobra.Command, names []string) error {
		r, err := routetest.Run(*file, routetest.Options{Names: names})
		var errs schema.Errors
		switch {
		case errors.As(err, &errs):
			printErrors(c.ErrOrStderr(), errs)
			return &finding{fmt.Errorf("%s cannot be served", *file)}
		case err != nil:
			return err
		}
		if *asJSON {
			if err := printJSON(c.OutOrStdout(), r); err != nil {
				return found(err)
			}
		} else {
			printTests(c.OutOrStdout(), r, *verbose)
		}
		switch {
		case len(r.Tests) == 0:
			return &finding{fmt.Errorf("%s has no tests; docs/testing.md tells how to write them", *file)}
		case r.Failed > 0:
			return &finding{}
		}
		return nil
	}
	return c
}

func printTests(w io.Writer, r *routetest.Report, verbose bool) {
	c := printer(w)
	for i := range r.Tests {
		t := &r.Tests[i]
		word := c.green("pass")
		if !t.Passed {
			word = c.red("FAIL")
		}
		fmt.Fprintf(w, "%s  %s  %s\n", word, c.bold(t.Name), c.faint(t.Place))
		if t.Error != "" {
			fmt.Fprintf(w, "      %s\n", t.Error)
		}
		for j := range t.Steps {
			if s := &t.Steps[j]; verbose || len(s.Failures) > 0 {
				printStep(w, s)
			}
		}
	}
	if verbose && len(r.Untested) > 0 {
		fmt.Fprintf(w, "\n%s\n", c.yellow("routes that no test asks:"))
		for _, name := range r.Untested {
			fmt.Fprintf(w, "      %s\n", name)
		}
	}
	if len(r.Tests) == 0 {
		return
	}
	fmt.Fprintln(w)
	if r.Failed > 0 {
		fmt.Fprintln(w, c.faint("- is what was expected, + what came"))
	}
	line := fmt.Sprintf("%d passed, %d failed", r.Passed, r.Failed)
	if n := len(r.Untested); n > 0 {
		line += fmt.Sprintf("; %d of %s without a test", n, count(r.Routes, "route"))
	}
	fmt.Fprintln(w, line)
}

// printStep tells what came of a request, and how that differs from what was expected.
func printStep(w io.Writer, s *routetest.Step) {
	c := printer(w)
	request := s.Request
	if s.Number > 0 {
		request += fmt.Sprintf(" (number %d)", s.Number)
	}
	var came []string
	if s.Status > 0 {
		came = append(came, fmt.Sprint(s.Status))
	}
	if s.Route != "" {
		came = append(came, "route "+s.Route)
	}
	if s.Upstream != "" {
		came = append(came, fmt.Sprintf("upstream %s (%s)", s.Upstream, count(s.Calls, "call")))
	}
	came = append(came, "took "+s.Took)
	fmt.Fprintf(w, "      %s  %s\n        %s\n", request, c.faint(s.Place), c.faint(strings.Join(came, ", ")))
	if s.Problem != "" {
		fmt.Fprintf(w, "        %s\n", c.faint(s.Problem+between(s.Cause != "", ": "+s.Cause)))
	}
	for i := range s.Failures {
		printFailure(w, &s.Failures[i])
	}
}

func printFailure(w io.Writer, f *routetest.Failure) {
	c := printer(w)
	fmt.Fprintf(w, "      %s  %s\n", c.bold(f.What), c.faint(f.Place))
	for _, line := range diff(lines(f.Want), lines(f.Got)) {
		switch line[0] {
		case '-':
			line = c.red(line)
		case '+':
			line = c.green(line)
		}
		fmt.Fprintf(w, "      %s\n", line)
	}
}

// lines parts text into what a terminal shows of it; JSON gets a line for each member.
func lines(text string) []string {
	var b strings.Builder
	var raw json.RawMessage
	if len(text) > 60 && json.Unmarshal([]byte(text), &raw) == nil {
		if pretty, err := json.MarshalIndent(raw, "", "  "); err == nil {
			text = string(pretty)
		}
	}
	for _, r := range text {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			fmt.Fprintf(&b, "\\x%02x", r)
			continue
		}
		b.WriteRune(r)
	}
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

// maxDiff bounds the lines that are compared with each other.
const maxDiff = 400

// diff marks the lines that only want has with -, those that only got has with +. It finds the longest sequence of common lines.
func diff(want, got []string) (out []string) {
	want, got = want[:min(len(want), maxDiff)], got[:min(len(got), maxDiff)]
	common := make([][]int, len(want)+1)
	for i := range common {
		common[i] = make([]int, len(got)+1)
	}
	for i := len(want) - 1; i >= 0; i-- {
		for j := len(got) - 1; j >= 0; j-- {
			if common[i][j] = max(common[i+1][j], common[i][j+1]); want[i] == got[j] {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	i, j := 0, 0
	for i < len(want) || j < len(got) {
		switch {
		case i < len(want) && j < len(got) && want[i] == got[j]:
			out = append(out, "  "+want[i])
			i, j = i+1, j+1
		case j == len(got) || i < len(want) && common[i+1][j] >= common[i][j+1]:
			out = append(out, "- "+want[i])
			i++
		default:
			out = append(out, "+ "+got[j])
			j++
		}
	}
	return out
}
