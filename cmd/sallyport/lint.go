package main

// What check finds unwise, by code.

import (
	"fmt"
	"io"
	"strings"

	"sallyport/lint"
	"sallyport/schema"
)

// explainRule prints the page of a rule, or the list of all.
func explainRule(w io.Writer, code string, asJSON bool) error {
	if code == "list" {
		return listRules(w, asJSON)
	}
	r := lint.ByCode(strings.ToUpper(code))
	if r == nil {
		var codes []string
		for _, r := range lint.All() {
			codes = append(codes, r.Code)
		}
		if near := schema.Nearest(strings.ToUpper(code), codes); near != "" {
			return fmt.Errorf("there is no finding %q; did you mean %s? --explain list shows them all", code, near)
		}
		return fmt.Errorf("there is no finding %q; --explain list shows them all", code)
	}
	if asJSON {
		return found(printJSON(w, r))
	}
	c := printer(w)
	fmt.Fprintf(w, "%s  %s\n\n%s\n%s\n%s\n\n", c.bold(r.Code), c.bold(r.Title)+", a "+r.Severity.String(), wrap(r.Why, ""), wrap(r.Do, "  "), indent(r.Example))
	fmt.Fprintf(w, "If it is on purpose, say so in the document:\n\n  lint: { allow: [{ code: %s, at: route NAME, why: … }] }\n", r.Code)
	return nil
}

func listRules(w io.Writer, asJSON bool) error {
	if asJSON {
		return found(printJSON(w, lint.All()))
	}
	var rows [][]string
	for _, r := range lint.All() {
		rows = append(rows, []string{r.Code, r.Severity.String(), r.Title})
	}
	table(w, []string{"CODE", "SEVERITY", "FINDING"}, rows)
	return nil
}

// lintPage is the page of the reference.
func lintPage() string {
	var b strings.Builder
	b.WriteString(generated + `# Findings

What ` + "`sallyport check`" + ` finds unwise although it works. Warnings make ` + "`check --strict`" + ` fail; notes, which only ` + "`--strict`" + ` shows, may well be on purpose. ` + "`sallyport check --explain CODE`" + ` prints what stands here.

What is on purpose can be said in the document, everywhere or at one place: a route, api, upstream, named policy or listener. An exception that excuses nothing any more is a finding itself.

` + "```yaml" + `
lint:
  allow:
    - SP304
    - { code: SP402, at: upstream partner, why: they have no TLS until June }
` + "```" + `
`)
	for _, g := range lint.Groups {
		fmt.Fprintf(&b, "\n## %s\n", g.Title)
		for _, r := range lint.All() {
			if r.Code[2] == g.Digit {
				fmt.Fprintf(&b, "\n### %s: %s\n\nA %s. %s\n\n%s\n\n```yaml\n%s\n```\n", r.Code, r.Title, r.Severity, r.Why, r.Do, r.Example)
			}
		}
	}
	return b.String()
}
