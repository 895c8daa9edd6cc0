package main

// The pages of docs/reference/, all made from what the code declares. A test fails when they are stale.

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sallyport/config"
	"sallyport/schema"
	"sallyport/telemetry"
)

func docsCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "docs DIRECTORY",
		Short:  "Write the reference pages",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE:   func(_ *cobra.Command, args []string) error { return found(writePages(args[0], pages())) },
	}
}

// writePages makes dir hold these pages and no others.
func writePages(dir string, pages map[string]string) error {
	var errs []error
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error { // a directory that is not there yet is fine
		if name, rel := filepath.Rel(dir, path); err == nil && rel == nil && !d.IsDir() && pages[filepath.ToSlash(name)] == "" && strings.HasSuffix(path, ".md") {
			errs = append(errs, os.Remove(path))
		}
		return nil
	})
	for name, text := range pages {
		path := filepath.Join(dir, filepath.FromSlash(name))
		errs = append(errs, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644))
	}
	return errors.Join(errs...)
}

const generated = "<!-- Made by `make docs` from the code; edits are lost. -->\n"

// pages makes the reference, by path.
func pages() map[string]string {
	all := map[string]string{
		"document.md": documentPage(),
		"problems.md": problemsPage(),
		"cli.md":      cliPage(),
		"metrics.md":  metricsPage(),
		"lint.md":     lintPage(),
	}
	index := generated + "# Reference\n\n[The document](document.md) · [problems](problems.md) · [command line](cli.md) · [metrics](metrics.md) · [findings](lint.md)\n"
	for _, group := range []struct {
		folder string
		things []thing
	}{{"policies", allPolicies()}, {"backends", allBackends()}} {
		index += "\n## " + strings.ToUpper(group.folder[:1]) + group.folder[1:] + "\n\n"
		for _, t := range group.things {
			all[group.folder+"/"+t.name+".md"] = thingPage(t)
			index += fmt.Sprintf("- [%s](%s/%s.md): %s\n", t.name, group.folder, t.name, t.summary)
		}
	}
	all["README.md"] = index
	return all
}

func thingPage(t thing) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s# %s\n\n%s\n\n## Settings\n\n", generated, t.name, t.summary)
	_ = t.config.Reference(&b) // a Builder never fails
	if t.example != "" {
		fmt.Fprintf(&b, "\n## Example\n\n%s\n", intro(t.example))
		fmt.Fprintf(&b, "\n```yaml\n%s```\n\nWhat goes in and what comes out, as a [script](../../scripts.md) that the tests run:\n\n```\n%s```\n", section(t.example, "config"), traffic(t.example))
	}
	return b.String()
}

// documentPage has a table for each top-level setting.
func documentPage() string {
	var b strings.Builder
	b.WriteString(generated + "# The document\n\nEvery setting, by its place. `[]` is any item of a list, `NAME` any name in a map.\n")
	var part []schema.Setting
	flush := func() {
		if len(part) > 0 {
			fmt.Fprintf(&b, "\n## %s\n\n", part[0].Path)
			_ = schema.Table(&b, part)
		}
		part = nil
	}
	for _, s := range config.Type().Settings() {
		if !strings.ContainsAny(s.Path, ".[") {
			flush()
		}
		part = append(part, s)
	}
	flush()
	return b.String()
}

func problemsPage() string {
	var b strings.Builder
	b.WriteString(generated + "# Problems\n\nThe error answers (RFC 9457) that the gateway itself gives; what upstreams answer passes as it comes.\n\n| status | name | title | when |\n|---|---|---|---|\n")
	for _, p := range problems() {
		fmt.Fprintf(&b, "| %d | `%s` | %s | %s |\n", p.Status, p.Name, p.Title, p.Help)
	}
	return b.String()
}

func metricsPage() string {
	var b strings.Builder
	b.WriteString(generated + "# Metrics\n\nAt `/metrics` on the admin listener, for Prometheus.\n\n| name | labels | meaning |\n|---|---|---|\n")
	for _, m := range telemetry.List() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", m.Name, strings.Join(m.Labels, ", "), strings.ReplaceAll(m.Help, "|", `\|`))
	}
	return b.String()
}

func cliPage() string {
	var b strings.Builder
	root := command()
	root.InitDefaultCompletionCmd()
	fmt.Fprintf(&b, "%s# Command line\n\n```\n%s\n```\n\nExit codes: 0 good, 1 findings, 2 wrong usage.\n", generated, root.Long)
	for _, c := range root.Commands() {
		if c.Hidden || !c.IsAvailableCommand() {
			continue
		}
		commandPart(&b, "##", c)
		if c.Name() != "completion" { // a shell each, all alike
			for _, sub := range c.Commands() {
				commandPart(&b, "###", sub)
			}
		}
	}
	return b.String()
}

// commandPart is what the page says of one command.
func commandPart(b *strings.Builder, level string, c *cobra.Command) {
	fmt.Fprintf(b, "\n%s %s\n\n%s.\n", level, strings.TrimSuffix(c.UseLine(), " [flags]"), c.Short)
	if c.Long != "" {
		fmt.Fprintf(b, "\n%s\n", strings.ReplaceAll(c.Long, "\n  ", "\n\n    "))
	}
	if c.Example != "" {
		fmt.Fprintf(b, "\n```\n%s\n```\n", c.Example)
	}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		name, usage := pflag.UnquoteUsage(f)
		fmt.Fprintf(b, "\n- `%s`: %s", strings.TrimSpace("--"+f.Name+" "+name), usage)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" {
			fmt.Fprintf(b, " (default `%s`)", f.DefValue)
		}
	})
	b.WriteString("\n")
}
