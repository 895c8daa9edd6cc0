package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"sallyport/admin"
	"sallyport/gateway"
	"sallyport/schema"
)

func runCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "run",
		Short: "Serve a document until told to stop",
		Long: `Serve a document. SIGHUP and changes of its files make it be read anew: a good one takes over without
losing a request, a bad one changes nothing. SIGTERM stops listening, finishes what is under way and exits.`,
		Example: "  sallyport run -c sallyport.yaml",
		Args:    noArgs,
	}
	file := fileFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return served(c, *file, gateway.Run(c.Context(), *file, gatewayOptions(c)))
	}
	return c
}

func gatewayOptions(c *cobra.Command) gateway.Options {
	return gateway.Options{Stdout: c.OutOrStdout(), Stderr: c.ErrOrStderr(), Version: thisBuild().Version, Admin: admin.Open}
}

// served prints why a document could not be served, if that is what err says.
func served(c *cobra.Command, document string, err error) error {
	var errs schema.Errors
	if errors.As(err, &errs) {
		printErrors(c.ErrOrStderr(), errs)
		return &finding{fmt.Errorf("%s cannot be served", document)}
	}
	return found(err)
}

// printErrors prints one a line, the place apart from what is wrong.
func printErrors(w io.Writer, errs schema.Errors) {
	c := printer(w)
	for _, e := range errs {
		if at := e.Pos.String(); at != "" {
			fmt.Fprintf(w, "%s ", c.bold(at+":"))
		}
		if e.Warn {
			fmt.Fprint(w, c.yellow("warning:"), " ")
		}
		if e.Path != "" {
			fmt.Fprintf(w, "%s: ", e.Path)
		}
		fmt.Fprintln(w, e.Msg)
	}
}
