package main

import (
	"github.com/spf13/cobra"

	"sallyport/demo"
)

func demoCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "demo",
		Short: "Start three services and a gateway in front of them, to play with",
		Long: `Start a small world on loopback: the services users, catalog and orders, and a gateway in front of them.
It writes its document to a directory, where it may be changed while it is served, and prints what to try.`,
		Example: "  sallyport demo",
		Args:    noArgs,
	}
	dir := c.Flags().String("dir", "", "the `directory` of the document (default sallyport-demo, in the working directory)")
	after := c.Flags().Duration("exit-after", 0, "end after this `time`; 0s is when told to stop")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return served(c, "the demo's document", demo.Run(c.Context(), demo.Options{
			Dir:       *dir,
			ExitAfter: *after,
			Out:       c.OutOrStdout(),
			Gateway:   gatewayOptions(c),
		}))
	}
	return c
}
