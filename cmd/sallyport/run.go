package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

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
losing a request, a bad one changes nothing. SIGTERM stops listening, finishes what is under way and exits; a
second one exits at once. SIGUSR2 has the program's file, as it is by then, take over the listening sockets.`,
		Example: "  sallyport run -c sallyport.yaml\n  sallyport run -c /etc/sallyport/sallyport.yaml --data /var/lib/sallyport --last-good",
		Args:    noArgs,
	}
	file, data := fileFlag(c), dataFlag(c)
	lastGood := c.Flags().Bool("last-good", false, "serve the last good document when the one at hand is broken at the start")
	pid := c.Flags().String("pid-file", "", "the `file` to write the number of the process to")
	c.RunE = func(c *cobra.Command, _ []string) error {
		o := gatewayOptions(c)
		o.Data, o.LastGood, o.PIDFile = dataDirectory(*data, *file), *lastGood, *pid
		return served(c, *file, gateway.Run(c.Context(), *file, o))
	}
	return c
}

// dataFlag gives a command its --data.
func dataFlag(c *cobra.Command) *string {
	return c.Flags().String("data", "", "the `directory` of what is kept from one start to the next (default data, beside the document)")
}

// dataDirectory is where data goes: beside the document unless that is told.
func dataDirectory(given, document string) string {
	if given != "" {
		return given
	}
	return filepath.Join(filepath.Dir(filepath.Clean(document)), "data")
}

func gatewayOptions(c *cobra.Command) gateway.Options {
	return gateway.Options{Stdout: bare(c.OutOrStdout()), Stderr: bare(c.ErrOrStderr()), Version: thisBuild().Version, Admin: admin.Open}
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
		switch {
		case e.Note:
			fmt.Fprint(w, c.faint(strings.TrimSpace("note "+e.Code)+":"), " ")
		case e.Warn:
			fmt.Fprint(w, c.yellow(strings.TrimSpace("warning "+e.Code)+":"), " ")
		}
		if e.Path != "" {
			fmt.Fprintf(w, "%s: ", e.Path)
		}
		fmt.Fprintln(w, e.Msg)
	}
}
