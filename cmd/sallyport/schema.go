package main

import "github.com/spf13/cobra"

func schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the document, for editors",
		Long: `Print the JSON Schema (2020-12) of the document, with every policy and backend. Editors that speak the
YAML language server's protocol complete and check a document that begins with
  # yaml-language-server: $schema=sallyport.schema.json`,
		Example: "  sallyport schema > sallyport.schema.json",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return found(printJSON(c.OutOrStdout(), documentSchema()))
		},
	}
}
