package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"sallyport/admin"
)

var revocations = record{"revocation", "/api/revocations", "revocations", "id", "ID"}

func revocationsCommand() *cobra.Command {
	return revocations.group("revocations", "Take tokens back before they expire", `Take tokens back before they expire: one by its ID (jti), or all of a subject that were issued up to a time.
A gateway that runs is asked; while none does, the store of the document is opened.
The token of the admin listener needs the role viewer to look, operator to change.`,
		addRevocationCommand(),
		listCommand(revocations, [][2]string{{"issuer", "those of this `issuer`"}, {"subject", "those of this `subject`"}, {"jti", "that of the token with this `ID`"}},
			[]string{"ID", "ISSUER", "TOKEN", "SUBJECT", "ISSUED BEFORE", "KEPT UNTIL"}, func(r *admin.Revocation) []string {
				return []string{r.ID, r.Issuer, r.JTI, r.Subject, day(r.Before), day(r.Until)}
			}),
		revocations.showCommand(),
		revocations.removeCommand("remove", "Take a revocation back", ""),
	)
}

func addRevocationCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "add --jti ID | --subject NAME",
		Short:   "Take a token back, or all of a subject",
		Example: "  sallyport revocations add --issuer https://idp.example.com --jti 6f1c…\n  sallyport revocations add --subject alice",
		Args:    noArgs,
	}
	p, asJSON := peopleFlags(c), jsonFlag(c)
	var o struct {
		Issuer  string `json:"issuer,omitempty"`
		JTI     string `json:"jti,omitempty"`
		Subject string `json:"subject,omitempty"`
		Before  string `json:"before,omitempty"`
		Until   string `json:"until,omitempty"`
	}
	f := c.Flags()
	f.StringVar(&o.Issuer, "issuer", "", "the `issuer`, as in the claim iss; every one without")
	f.StringVar(&o.JTI, "jti", "", "the `ID` of a token, as in its claim jti")
	f.StringVar(&o.Subject, "subject", "", "whose tokens, as in their claim `sub`")
	f.StringVar(&o.Before, "before", "", "up to when they were issued, such as 2026-06-30T12:00:00Z; now without")
	f.StringVar(&o.Until, "until", "", "until when it is kept, such as 90d, which has to be longer than tokens are good; a year without")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if (o.JTI == "") == (o.Subject == "") {
			return errors.New("give --jti or --subject, one of the two")
		}
		var made admin.Revocation
		body, err := p.askFor("POST", revocations.path, o, &made)
		switch {
		case err != nil:
			return found(err)
		case *asJSON:
			fmt.Fprint(c.OutOrStdout(), string(body))
		default:
			fmt.Fprintf(c.OutOrStdout(), "revocation %s is kept until %s\n", made.ID, day(made.Until))
		}
		return nil
	}
	return c
}
