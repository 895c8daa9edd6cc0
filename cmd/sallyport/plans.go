package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"sallyport/admin"
)

var plans = record{"plan", "/api/plans", "plans", "name", "NAME"}

func plansCommand() *cobra.Command {
	return plans.group("plans", "Make, list and remove plans", `Make, list and remove plans: the limits that consumers have. Those of the document are shown, and changed
there. A gateway that runs is asked; while none does, the store of the document is opened.
The token needs the role viewer to look, admin to change.`,
		createPlanCommand(),
		listCommand(plans, [][2]string{{"source", "document or store"}}, []string{"NAME", "SETTINGS", "SOURCE"}, func(p *admin.Plan) []string {
			var settings strings.Builder
			_ = json.NewEncoder(&settings).Encode(p.Settings) // on one line; what was read as JSON can be written
			return []string{p.Name, strings.TrimSpace(settings.String()), p.Source}
		}),
		plans.showCommand(),
		plans.removeCommand("delete", "Remove a plan that no consumer has", ""),
	)
}

func createPlanCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "create NAME",
		Short:   "Make a plan",
		Example: "  sallyport plans create gold --rate 100/s\n  sallyport plans create silver --rate 10/s --rate 10000/day\n  sallyport plans create bronze --settings '{\"rate_limit\": {\"rate\": \"1/s\", \"burst\": 10}}'",
		Args:    plans.named(),
	}
	p, asJSON := peopleFlags(c), jsonFlag(c)
	rates := c.Flags().StringArray("rate", nil, "how many requests in which time, such as 100/s; as often as wanted")
	settings := c.Flags().String("settings", "", "in place of rates, the settings as in the document, as `JSON`")
	c.RunE = func(c *cobra.Command, args []string) error {
		order := map[string]any{"name": args[0]}
		switch {
		case (len(*rates) > 0) == (*settings != ""):
			return errors.New("give --rate or --settings, one of the two")
		case *settings != "" && !json.Valid([]byte(*settings)):
			return errors.New("--settings is no JSON")
		case *settings != "":
			order["settings"] = json.RawMessage(*settings)
		case len(*rates) == 1:
			order["settings"] = map[string]any{"rate_limit": (*rates)[0]}
		default:
			order["settings"] = map[string]any{"rate_limit": map[string]any{"limits": *rates}}
		}
		body, err := p.ask("POST", plans.path, order)
		switch {
		case err != nil:
			return found(err)
		case *asJSON:
			fmt.Fprint(c.OutOrStdout(), string(body))
		default:
			fmt.Fprintf(c.OutOrStdout(), "plan %s is created\n", args[0])
		}
		return nil
	}
	return c
}
