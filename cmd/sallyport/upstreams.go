package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	"sallyport/balance"
)

func upstreamsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "upstreams",
		Short: "List the targets of a running gateway, drain or restore one",
		Long: `List the targets of a running gateway with their health, latency and load.
The token needs the role viewer, to drain and restore the role operator.`,
		Example: "  sallyport upstreams -c sallyport.yaml\n  sallyport upstreams drain users http://10.0.0.7:8080",
		Args:    oneCommand,
	}
	gw, asJSON := clientFlags(c), jsonFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		body, err := gw.ask("GET", "/api/upstreams", nil)
		if err != nil {
			return found(err)
		}
		if *asJSON {
			fmt.Fprint(c.OutOrStdout(), string(body))
			return nil
		}
		var all []balance.Status
		if err := json.Unmarshal(body, &all); err != nil {
			return found(fmt.Errorf("the gateway's answer cannot be read: %w", err))
		}
		printTargets(c.OutOrStdout(), all)
		return nil
	}
	c.AddCommand(
		targetCommand("drain", "Let a target finish what it has, and send it nothing new",
			"Calls, streams and tunnels under way go on. It lasts until restore, across reloads and upgrades, or until the\ndocument no longer has the target; a gateway that is started anew knows nothing of it."),
		targetCommand("restore", "Send a target calls again", ""),
	)
	return c
}

// targetCommand is what is done to one target.
func targetCommand(what, short, long string) *cobra.Command {
	c := &cobra.Command{
		Use:     what + " UPSTREAM URL",
		Short:   short,
		Long:    long,
		Example: "  sallyport upstreams " + what + " users http://10.0.0.7:8080",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return errors.New("name the upstream and the URL of the target, such as users http://10.0.0.7:8080")
			}
			return nil
		},
	}
	gw, asJSON := clientFlags(c), jsonFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		body, err := gw.ask("POST", "/api/upstreams/"+url.PathEscape(args[0])+"/targets/"+what, map[string]string{"url": args[1]})
		if err != nil {
			return found(err)
		}
		out := c.OutOrStdout()
		if *asJSON {
			fmt.Fprint(out, string(body))
			return nil
		}
		var d balance.Drained
		if err := json.Unmarshal(body, &d); err != nil {
			return found(fmt.Errorf("the gateway's answer cannot be read: %w", err))
		}
		state := "gets calls"
		if d.Drained {
			state = "is drained"
		}
		if !d.Changed {
			state += ", as before"
		}
		fmt.Fprintf(out, "%s of %s %s; %s under way, %s left in the upstream\n", d.Target, d.Upstream, state, count(d.Active, "call"), count(d.Left, "target"))
		if d.Warning != "" {
			fmt.Fprint(out, printer(out).yellow(wrapTo(screen, "warning: "+d.Warning, "")))
		}
		return nil
	}
	return c
}
