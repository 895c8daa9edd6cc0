package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"sallyport/admin"
)

var keys = record{"key", "/api/keys", "keys", "id", "ID"}

func keysCommand() *cobra.Command {
	return keys.group("keys", "Make, list, replace and take back API keys", `Make, list, replace and take back API keys. They are kept in the gateway's store as hashes: a key is shown
once, when it is made. A gateway that runs is asked; while none does, the store of the document is opened.
The token needs the role viewer to look, operator to change.`,
		createKeyCommand(),
		listCommand(keys, [][2]string{{"consumer", "those of this `consumer`"}, {"state", "good for those that are neither revoked nor expired"}, {"source", "document or store"}},
			[]string{"ID", "CONSUMER", "LABEL", "KEY", "STATE", "EXPIRES", "LAST USED", "SOURCE"}, keyRow),
		keys.showCommand(),
		rotateKeyCommand(),
		revokeKeyCommand(),
		checkKeysCommand(),
	)
}

func keyRow(k *admin.Key) []string {
	prefix := k.Prefix
	if prefix != "" {
		prefix += "…"
	}
	return []string{k.ID, k.Consumer, k.Label, prefix, k.State, day(k.Expires), day(k.LastUsed), k.Source}
}

func createKeyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "create --consumer NAME",
		Short: "Make a key and print it, this once",
		Long: `Make a key for a consumer and print it, alone on standard output; what else there is to say goes to standard
error.`,
		Example: `  sallyport keys create --consumer acme --label ci --expires 90d
  KEY=$(sallyport keys create --consumer acme --allow-ip 10.0.0.0/8 --route 'GET /orders')`,
		Args: noArgs,
	}
	p, asJSON := peopleFlags(c), jsonFlag(c)
	var o struct {
		Consumer string   `json:"consumer"`
		Label    string   `json:"label,omitempty"`
		Expires  string   `json:"expires,omitempty"`
		AllowIPs []string `json:"allow_ips,omitempty"`
		Routes   []string `json:"routes,omitempty"`
	}
	f := c.Flags()
	f.StringVar(&o.Consumer, "consumer", "", "the `consumer` whose key it is")
	f.StringVar(&o.Label, "label", "", "what to know it by")
	f.StringVar(&o.Expires, "expires", "", "when it ceases to be good, as 90d, 2027-06-30 or 2027-06-30T12:00:00Z; never without")
	f.StringArrayVar(&o.AllowIPs, "allow-ip", nil, "a `network` or address that it may be used from, as often as wanted; from anywhere without")
	f.StringArrayVar(&o.Routes, "route", nil, "the name of a `route` that it is good for, as often as wanted; for all without")
	_ = c.RegisterFlagCompletionFunc("consumer", p.completed(consumers.path, consumers.member, consumers.field)) // fails only for a flag that is not there
	c.RunE = func(c *cobra.Command, _ []string) error {
		if o.Consumer == "" {
			return errors.New("--consumer says whose key it is to be; sallyport consumers list tells who there is")
		}
		return printKey(c, p, keys.path, o, *asJSON)
	}
	return c
}

// printKey has a key made and prints it.
func printKey(c *cobra.Command, p *people, path string, order any, asJSON bool) error {
	body, err := p.ask("POST", path, order)
	if err != nil {
		return found(err)
	}
	var k admin.NewKey
	if err := json.Unmarshal(body, &k); err != nil {
		return found(fmt.Errorf("the gateway's answer cannot be read: %w", err))
	}
	out, notes := c.OutOrStdout(), c.ErrOrStderr()
	text := k.Secret + "\n"
	if asJSON {
		text = string(body)
	}
	if _, err := io.WriteString(out, text); err != nil {
		return found(fmt.Errorf("the key %s was made and could not be printed, so nobody has it: %w; sallyport keys revoke %s takes it back", k.ID, err, k.ID))
	}
	until := "for good"
	if k.Expires != nil {
		until = "until " + day(k.Expires)
	}
	fmt.Fprintf(notes, "key %s of %s, good %s; it is shown this once\n", k.ID, k.Consumer, until)
	if k.Replaces != "" {
		fmt.Fprintf(notes, "it replaces %s; sallyport keys show tells how long that one stays good\n", k.Replaces)
	}
	for _, w := range k.Warnings {
		fmt.Fprintf(notes, "%s %s\n", printer(notes).yellow("warning:"), w)
	}
	return nil
}

func rotateKeyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "rotate ID",
		Short: "Make a key that replaces one, and print it, this once",
		Long: `Make a key like another one, which stays good for the overlap: until then clients may use either. The new key
is alone on standard output.`,
		Example: "  sallyport keys rotate k_3fGh7Kq2LmNp --overlap 7d",
		Args:    keys.named(),
	}
	p, asJSON := peopleFlags(c), jsonFlag(c)
	overlap := c.Flags().String("overlap", "24h", "how long the one that is replaced stays good; 0 revokes it at once")
	c.ValidArgsFunction = p.completed(keys.path, keys.member, keys.field)
	c.RunE = func(c *cobra.Command, args []string) error {
		return printKey(c, p, keys.one(args[0])+"/rotate", map[string]string{"overlap": *overlap}, *asJSON)
	}
	return c
}

func revokeKeyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "revoke ID",
		Short:   "Take a key back: the next request with it is refused",
		Example: "  sallyport keys revoke k_3fGh7Kq2LmNp",
		Args:    keys.named(),
	}
	p, asJSON := peopleFlags(c), jsonFlag(c)
	c.ValidArgsFunction = p.completed(keys.path, keys.member, keys.field)
	c.RunE = func(c *cobra.Command, args []string) error {
		var k admin.Key
		body, err := p.askFor("POST", keys.one(args[0])+"/revoke", nil, &k)
		switch {
		case err != nil:
			return found(err)
		case *asJSON:
			fmt.Fprint(c.OutOrStdout(), string(body))
		default:
			fmt.Fprintf(c.OutOrStdout(), "key %s of %s is revoked since %s\n", k.ID, k.Consumer, day(k.Revoked))
		}
		return nil
	}
	return c
}
