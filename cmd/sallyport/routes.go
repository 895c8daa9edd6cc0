package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"sallyport/gateway"
)

func routesCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "routes",
		Short:   "List the routes of a document in the order in which they match",
		Long:    "List the routes of a document in match order: of two that take one request, the one that comes first gets it.",
		Example: "  sallyport routes -c sallyport.yaml",
		Args:    noArgs,
	}
	file, data, asJSON := fileFlag(c), dataFlag(c), jsonFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		r := gateway.Check(*file, gateway.Options{Version: thisBuild().Version, Data: dataDirectory(*data, *file)})
		if len(r.Errors) > 0 {
			printErrors(c.ErrOrStderr(), r.Errors)
			return &finding{fmt.Errorf("%s cannot be served", *file)}
		}
		if *asJSON {
			if r.Routes == nil {
				r.Routes = []gateway.Route{}
			}
			return found(printJSON(c.OutOrStdout(), r.Routes))
		}
		var rows [][]string
		for _, v := range r.Routes {
			api := v.API + between(v.Version != "", " "+v.Version)
			rows = append(rows, []string{api, v.Match, strings.Join(v.Policies, ", "), strings.TrimSpace(v.Backend + " " + v.To), v.Place})
		}
		table(c.OutOrStdout(), []string{"API", "MATCH", "POLICIES", "BACKEND", "PLACE"}, rows)
		return nil
	}
	return c
}
