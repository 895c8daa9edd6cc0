package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"sallyport/schema"
)

func policiesCommand() *cobra.Command {
	c := &cobra.Command{
		Use:               "policies [NAME]",
		Short:             "List the policies, or explain one: its settings and an example",
		Example:           "  sallyport policies\n  sallyport policies rate_limit",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: policyNames,
	}
	asJSON := jsonFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		all, out := allPolicies(), c.OutOrStdout()
		if len(args) == 1 {
			p, err := pick(all, args[0])
			if err != nil {
				return err
			}
			all = []thing{p}
		}
		switch {
		case *asJSON && len(args) == 1:
			return found(printJSON(out, all[0].row(true)))
		case *asJSON:
			rows := []thingRow{}
			for _, p := range all {
				rows = append(rows, p.row(false))
			}
			return found(printJSON(out, rows))
		case len(args) == 1:
			explain(out, all[0])
			return nil
		}
		var rows [][]string
		for _, p := range all {
			rows = append(rows, []string{p.name, p.summary})
		}
		table(out, []string{"NAME", "WHAT IT DOES"}, rows)
		return nil
	}
	return c
}

// policyNames completes a name.
func policyNames(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, p := range allPolicies() {
		names = append(names, p.name+"\t"+p.summary)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// pick finds a policy; a wrong name is an error of usage.
func pick(all []thing, name string) (thing, error) {
	var names []string
	for _, p := range all {
		if p.name == name {
			return p, nil
		}
		names = append(names, p.name)
	}
	if near := schema.Nearest(name, names); near != "" {
		return thing{}, fmt.Errorf("there is no policy %q; did you mean %q?", name, near)
	}
	return thing{}, errors.New("there is no policy " + fmt.Sprintf("%q", name) + "; there are " + strings.Join(names, ", "))
}

// explain prints what a person has to know to use t.
func explain(w io.Writer, t thing) {
	c := printer(w)
	fmt.Fprintf(w, "%s\n%s\n\n", c.bold(t.name), t.summary)
	settings := t.config.Settings()
	if len(settings) > 0 {
		fmt.Fprintln(w, c.bold("Settings"))
	}
	for _, s := range settings {
		fmt.Fprintf(w, "  %s  %s\n", c.green(s.Path), c.faint(s.Values()+needed(s)))
		fmt.Fprint(w, wrap(s.Doc, "      "))
	}
	if t.example != "" {
		fmt.Fprintf(w, "\n%s\n%s", c.bold("Example"), indent(section(t.example, "config")))
	}
}

func needed(s schema.Setting) string {
	switch {
	case s.Required:
		return ", required"
	case s.Default != "":
		return ", by default " + s.Default
	}
	return ""
}

// wrap breaks text into lines that a terminal has room for.
func wrap(text, before string) string { return wrapTo(96, text, before) }

// wrapTo is wrap for a terminal of that width.
func wrapTo(width int, text, before string) string {
	var b strings.Builder
	line := before
	for word := range strings.FieldsSeq(text) {
		if len(line)+len(word) > width && line != before {
			b.WriteString(line + "\n")
			line = before
		}
		if line != before {
			line += " "
		}
		line += word
	}
	return b.String() + line + "\n"
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("  " + line)
	}
	return b.String()
}
