package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"sallyport/admin"
)

var consumers = record{"consumer", "/api/consumers", "consumers", "name", "NAME"}

func consumersCommand() *cobra.Command {
	return consumers.group("consumers", "Make, list and change those who may come in", `Make, list and change consumers: the client applications that keys and other credentials belong to. Those of
the document are shown, and changed there. A gateway that runs is asked; while none does, the store of the
document is opened. The token needs the role viewer to look, operator to change.`,
		consumerCommand("create", "Make a consumer", "  sallyport consumers create acme --plan gold --tag partner", "POST"),
		listCommand(consumers, [][2]string{{"plan", "those with this `plan`"}, {"tag", "those with this `tag`"}, {"source", "document or store"}},
			[]string{"NAME", "PLAN", "TAGS", "CREATED", "SOURCE"}, func(k *admin.Consumer) []string {
				return []string{k.Name, k.Plan, joined(k.Tags), day(k.Created), k.Source}
			}),
		consumers.showCommand(),
		consumerCommand("update", "Give a consumer another plan and tags", "  sallyport consumers update acme --plan gold --tag partner --tag eu", "PUT"),
		consumers.removeCommand("delete", "Remove a consumer with its keys and credentials", "Remove a consumer of the store, with all keys and credentials that it has there."),
	)
}

// consumerCommand makes a consumer, or changes one.
func consumerCommand(what, short, example, method string) *cobra.Command {
	c := &cobra.Command{Use: what + " NAME", Short: short, Example: example, Args: consumers.named()}
	p, asJSON := peopleFlags(c), jsonFlag(c)
	plan := c.Flags().String("plan", "", "the `plan` that it has; none without")
	tags := c.Flags().StringArray("tag", nil, "a `tag`, as often as wanted; none without")
	_ = c.RegisterFlagCompletionFunc("plan", p.completed(plans.path, plans.member, plans.field)) // fails only for a flag that is not there
	path := func(string) string { return consumers.path }
	if method == "PUT" {
		path = consumers.one
		c.Long = "Give a consumer of the store the plan and the tags that are written here, in place of those that it has."
		c.ValidArgsFunction = p.completed(consumers.path, consumers.member, consumers.field)
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		if method == "PUT" { // which would make one
			if _, err := p.ask("GET", path(args[0]), nil); err != nil {
				return found(err)
			}
		}
		body, err := p.ask(method, path(args[0]), map[string]any{"name": args[0], "plan": *plan, "tags": *tags})
		switch {
		case err != nil:
			return found(err)
		case *asJSON:
			fmt.Fprint(c.OutOrStdout(), string(body))
		default:
			fmt.Fprintf(c.OutOrStdout(), "consumer %s is %sd\n", args[0], what)
		}
		return nil
	}
	return c
}
