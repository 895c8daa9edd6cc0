package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"sallyport/gateway"
	"sallyport/schema"
)

func checkCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "check",
		Short: "Say everything that is wrong with a document",
		Long: `Build all that a document asks for, say everything that is wrong with it, and throw it away. Nothing is
opened or sent; of the store it only matters whether there is one. Each line is file:line:col: path: what
is wrong; what would be right.
What works but is unwise has a code, which --explain tells about. Notes, which are shown with --strict,
may well be on purpose; lint.allow in the document says what is.
The exit code is 0 when the document can be served, 1 when it cannot.`,
		Example: "  sallyport check -c sallyport.yaml\n  sallyport check --strict -c conf.d/\n  sallyport check --explain SP102",
		Args:    noArgs,
	}
	file, data, asJSON := fileFlag(c), dataFlag(c), jsonFlag(c)
	strict := c.Flags().Bool("strict", false, "warnings are findings as well, and notes are shown")
	code := c.Flags().String("explain", "", "tell about a finding by its `code`, or list them all")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if *code != "" {
			return explainRule(c.OutOrStdout(), *code, *asJSON)
		}
		r := gateway.Check(*file, gateway.Options{Version: thisBuild().Version, Data: dataDirectory(*data, *file)})
		good := r.Err(*strict) == nil
		if *asJSON {
			if err := printJSON(c.OutOrStdout(), reportOf(&r, good)); err != nil {
				return found(err)
			}
		} else {
			printReport(c, &r, good, *strict, *file)
		}
		if !good {
			return &finding{}
		}
		return nil
	}
	return c
}

func printReport(c *cobra.Command, r *gateway.Report, good, strict bool, file string) {
	out := c.OutOrStdout()
	printErrors(out, r.Errors)
	printErrors(out, r.Warnings)
	if strict {
		printErrors(out, r.Notes)
	}
	if good {
		fmt.Fprintf(out, "%s %s: %s%s\n", printer(out).green("good:"), file, count(len(r.Routes), "route"), between(r.Tests > 0, ", "+count(r.Tests, "test")))
		return
	}
	fmt.Fprintf(c.ErrOrStderr(), "%s, %s\n", count(len(r.Errors), "error"), count(len(r.Warnings), "warning"))
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// A report is what check found, for programs.
type report struct {
	Good     bool   `json:"good"`
	Routes   int    `json:"routes"`
	Tests    int    `json:"tests"`
	Errors   []spot `json:"errors"`
	Warnings []spot `json:"warnings"`
	Notes    []spot `json:"notes"`
}

// A spot is one finding.
type spot struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
	Code    string `json:"code,omitempty"` // of a warning or note
}

func reportOf(r *gateway.Report, good bool) report {
	return report{good, len(r.Routes), r.Tests, spots(r.Errors), spots(r.Warnings), spots(r.Notes)}
}

func spots(errs schema.Errors) []spot {
	all := []spot{}
	for _, e := range errs {
		all = append(all, spot{e.Pos.File, e.Pos.Line, e.Pos.Col, e.Path, e.Msg, e.Code})
	}
	return all
}
