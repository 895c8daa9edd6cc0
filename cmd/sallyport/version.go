package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Stamped by the build with -ldflags -X; empty in a plain go build.
var version, date string

// A build says which program this is.
type build struct {
	Version  string `json:"version"`
	Date     string `json:"date,omitempty"` // of the commit
	Commit   string `json:"commit,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func thisBuild() build {
	b := build{Version: version, Date: date, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		b.Version = cmp.Or(b.Version, "dev")
		return b
	}
	changed := ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Date = cmp.Or(b.Date, s.Value)
		case "vcs.modified":
			if s.Value == "true" {
				changed = " with changes"
			}
		}
	}
	if b.Commit != "" {
		b.Commit += changed
	}
	if own := info.Main.Version; own != "(devel)" {
		b.Version = cmp.Or(b.Version, own)
	}
	b.Version = cmp.Or(b.Version, "dev")
	return b
}

func versionCommand() *cobra.Command {
	c := &cobra.Command{Use: "version", Short: "Print which build this is", Args: noArgs}
	asJSON := jsonFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		b, out := thisBuild(), c.OutOrStdout()
		if *asJSON {
			return found(printJSON(out, b))
		}
		fmt.Fprintf(out, "sallyport %s (%s, %s)\n", b.Version, b.Go, b.Platform)
		for _, line := range []struct{ name, value string }{{"commit", b.Commit}, {"date", b.Date}} {
			if line.value != "" {
				fmt.Fprintf(out, "%s %s\n", line.name, line.value)
			}
		}
		return nil
	}
	return c
}
