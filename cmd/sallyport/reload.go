package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sallyport/gateway"
)

func reloadCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "reload",
		Short: "Have a running gateway read its document anew",
		Long: `Have a running gateway read its document anew, and wait until it is in service or refused. When it is
refused, nothing has changed, everything that is wrong with it is printed, and the exit code is 1.
The token needs the role operator.`,
		Example: "  sallyport reload -c sallyport.yaml\n  SALLYPORT_TOKEN=… sallyport reload --admin 127.0.0.1:9901",
		Args:    noArgs,
	}
	gw, asJSON := clientFlags(c), jsonFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		out := c.OutOrStdout()
		body, err := gw.ask("POST", "/api/reload", nil)
		var f *failure
		switch {
		case errors.As(err, &f) && *asJSON:
			fmt.Fprintln(out, string(f.body))
			return &finding{}
		case errors.As(err, &f):
			printErrors(out, f.errors())
			return found(err)
		case err != nil:
			return found(err)
		case *asJSON:
			fmt.Fprint(out, string(body))
			return nil
		}
		var done gateway.Reloaded
		if err := json.Unmarshal(body, &done); err != nil {
			return found(fmt.Errorf("the gateway's answer cannot be read: %w", err))
		}
		fmt.Fprintf(out, "%s document number %d is in service\n", printer(out).green("good:"), done.Number)
		for _, what := range slices.Sorted(maps.Keys(done.Changes)) {
			fmt.Fprint(out, wrap(strings.ReplaceAll(what, "_", " ")+": "+strings.Join(done.Changes[what], ", "), "  "))
		}
		return nil
	}
	return c
}
