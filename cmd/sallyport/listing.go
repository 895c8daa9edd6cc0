package main

// The commands about who may come in look alike: a group of them has list, show and what removes one, which are made here.

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// A record is what a group of commands is about.
type record struct {
	word   string // "key"
	path   string // "/api/keys"
	member string // of a list's answer that has them, "keys"
	field  string // that names one, "id"
	name   string // what that is called on the command line, "ID"
}

// one is the path of one record.
func (t record) one(name string) string { return t.path + "/" + url.PathEscape(name) }

// named wants the name of one record.
func (t record) named() cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 || args[0] == "" {
			return fmt.Errorf("name the %s, such as sallyport %s %s %s", t.word, c.Parent().Name(), c.Name(), t.name)
		}
		return nil
	}
}

// group makes the command that holds those of a record. Alone it lists.
func (t record) group(use, short, long string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Long: long, Args: oneCommand}
	for _, sub := range commands {
		if sub.Name() == "list" {
			c.Flags().AddFlagSet(sub.Flags())
			c.RunE = sub.RunE
		}
	}
	c.AddCommand(commands...)
	return c
}

// listCommand lists what there is. filters are flags and what they mean.
func listCommand[T any](t record, filters [][2]string, head []string, row func(*T) []string) *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "List " + t.member, Args: noArgs, Example: "  sallyport " + t.member + " list"}
	p, asJSON := peopleFlags(c), jsonFlag(c)
	most := c.Flags().Int("limit", pageSize, "the most that are listed")
	values := map[string]*string{}
	for _, f := range filters {
		values[f[0]] = c.Flags().String(f[0], "", f[1])
	}
	if values["consumer"] != nil {
		_ = c.RegisterFlagCompletionFunc("consumer", p.completed(consumers.path, consumers.member, consumers.field)) // fails only for a flag that is not there
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		if *most < 1 {
			return fmt.Errorf("--limit is 1 or more, not %d", *most)
		}
		query := url.Values{}
		for name, value := range values {
			if *value != "" {
				query.Set(name, *value)
			}
		}
		list, more, err := all[T](p, t.path, query, t.member, *most)
		if err != nil {
			return found(err)
		}
		if *asJSON {
			return found(printJSON(c.OutOrStdout(), map[string][]T{t.member: list}))
		}
		var rows [][]string
		for i := range list {
			rows = append(rows, row(&list[i]))
		}
		table(c.OutOrStdout(), head, rows)
		if more {
			fmt.Fprintf(c.ErrOrStderr(), "there are more than %d; --limit says how many are listed\n", *most)
		}
		return nil
	}
	return c
}

// showCommand shows one record, as JSON: it is for people and programs alike.
func (t record) showCommand() *cobra.Command {
	c := &cobra.Command{Use: "show " + t.name, Short: "Show one " + t.word, Args: t.named()}
	p := peopleFlags(c)
	_ = jsonFlag(c) // it always is
	c.ValidArgsFunction = p.completed(t.path, t.member, t.field)
	c.RunE = func(c *cobra.Command, args []string) error {
		body, err := p.ask("GET", t.one(args[0]), nil)
		if err == nil {
			fmt.Fprint(c.OutOrStdout(), string(body))
		}
		return found(err)
	}
	return c
}

// removeCommand removes one record.
func (t record) removeCommand(use, short, long string) *cobra.Command {
	c := &cobra.Command{Use: use + " " + t.name, Short: short, Long: long, Args: t.named()}
	p := peopleFlags(c)
	c.ValidArgsFunction = p.completed(t.path, t.member, t.field)
	c.RunE = func(c *cobra.Command, args []string) error {
		_, err := p.ask("DELETE", t.one(args[0]), nil)
		if err == nil {
			fmt.Fprintf(c.OutOrStdout(), "%s %s is gone\n", t.word, args[0])
		}
		return found(err)
	}
	return c
}

// day is a time in a table.
func day(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04")
}

func joined(words []string) string { return strings.Join(words, ", ") }
