package main

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"sallyport/problem"
)

// A problemRow is one problem of the listing.
type problemRow struct {
	Name   string `json:"name"`
	Status int    `json:"status"`
	Title  string `json:"title"`
	Help   string `json:"help"`
	Type   string `json:"type"`
}

// problems lists what clients may get, by status and name.
func problems() []problemRow {
	var rows []problemRow
	for _, t := range problem.All() {
		rows = append(rows, problemRow{t.Name, t.Status, t.Title, t.Help, "urn:sallyport:problem:" + t.Name})
	}
	slices.SortFunc(rows, func(a, b problemRow) int {
		return cmp.Or(cmp.Compare(a.Status, b.Status), cmp.Compare(a.Name, b.Name))
	})
	return rows
}

func problemsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "problems",
		Short: "List the error answers that clients may get from the gateway itself",
		Long:  "List the error answers (RFC 9457) that the gateway itself gives. Errors of upstreams are not among them: they\npass as they come.",
		Args:  noArgs,
	}
	asJSON := jsonFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		list := problems()
		if *asJSON {
			return found(printJSON(c.OutOrStdout(), list))
		}
		var rows [][]string
		for _, p := range list {
			rows = append(rows, []string{strconv.Itoa(p.Status), p.Name, p.Help})
		}
		table(c.OutOrStdout(), []string{"STATUS", "NAME", "WHEN"}, rows)
		return nil
	}
	return c
}
