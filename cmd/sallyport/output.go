package main

// What commands print: tables, JSON, and colours where a person looks.

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// A colors paints text for a terminal, or leaves it alone.
type colors struct{ on bool }

// printer finds out whether w is a terminal whose owner wants colours (no-color.org).
func printer(w io.Writer) colors {
	f, ok := bare(w).(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return colors{}
	}
	info, err := f.Stat()
	return colors{err == nil && info.Mode()&os.ModeCharDevice != 0}
}

func (c colors) paint(code, text string) string {
	if !c.on {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (c colors) red(s string) string    { return c.paint("31", s) }
func (c colors) green(s string) string  { return c.paint("32", s) }
func (c colors) yellow(s string) string { return c.paint("33", s) }
func (c colors) bold(s string) string   { return c.paint("1", s) }
func (c colors) faint(s string) string  { return c.paint("2", s) }

// table prints rows below a head, columns wide enough for their longest cell.
func table(w io.Writer, head []string, rows [][]string) {
	wide := make([]int, len(head))
	for _, row := range append([][]string{head}, rows...) {
		for i, cell := range row {
			wide[i] = max(wide[i], utf8.RuneCountInString(cell))
		}
	}
	c := printer(w)
	line := func(row []string, paint func(string) string) {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", wide[i]-utf8.RuneCountInString(cell)+2))
			}
		}
		fmt.Fprintln(w, paint(strings.TrimRight(b.String(), " ")))
	}
	line(head, c.bold)
	for _, row := range rows {
		line(row, func(s string) string { return s })
	}
}

// printJSON prints v as JSON that people can read as well.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// jsonFlag gives a listing its --json.
func jsonFlag(c *cobra.Command) *bool {
	return c.Flags().Bool("json", false, "print JSON")
}

// fileFlag gives a command its -c.
func fileFlag(c *cobra.Command) *string {
	path := c.Flags().StringP("config", "c", "sallyport.yaml", "the document: a file, or a directory of *.yaml")
	_ = c.MarkFlagFilename("config", "yaml", "yml", "json") // fails only for a flag that is not there
	return path
}
