package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"sallyport/gateway"
	"sallyport/schema"
)

func explainCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "explain METHOD URL",
		Short: "Say what would become of a request, and why",
		Long: `Say which route takes a request and why the others do not, what each of its policies would decide, and
what would go upstream. Nothing is sent or counted. Values that could be secret are masked.
The document is that of -c, or with --live the one in service at a gateway that runs; the token needs the
role viewer then.
The URL may be a path alone; its host is localhost then, or what -H 'Host: …' says.
The exit code is 0 when a route serves the request, 1 when it is refused. docs/explain.md tells more.`,
		Example: `  sallyport explain GET /users/42
  sallyport explain POST http://shop.example.com/orders -H 'Content-Type: application/json' -d '{"id": 1}'
  sallyport explain GET /admin --from 203.0.113.9 --json
  sallyport explain GET /users/42 --live`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return errors.New("a method and a URL are wanted, such as GET /users/42")
			}
			return nil
		},
	}
	gw, asJSON := clientFlags(c), jsonFlag(c)
	live := c.Flags().Bool("live", false, "ask the gateway that runs, by its admin listener, with the counters and targets that it has now")
	headers := c.Flags().StringArrayP("header", "H", nil, "a header `field` such as 'Accept: text/html'; as often as wanted")
	body := c.Flags().StringP("body", "d", "", "the request's body as `text`")
	from := c.Flags().String("from", "127.0.0.1", "the `address` that the request comes from")
	c.RunE = func(c *cobra.Command, args []string) error {
		q := &gateway.Question{Method: args[0], URL: args[1], Body: *body, Client: *from}
		for _, line := range *headers {
			name, value, found := strings.Cut(line, ":")
			if !found || name == "" {
				return errors.New("what -H has is no header field; write such as -H 'Accept: text/html'") // which may be a secret
			}
			q.Headers = append(q.Headers, [2]string{name, strings.TrimSpace(value)})
		}
		if *live {
			return explainLive(c, gw, q, *asJSON)
		}
		e, err := gateway.Explain(*gw.file, gateway.Options{Version: thisBuild().Version, Data: dataDirectory(*gw.data, *gw.file)}, q)
		if err != nil {
			return explainFailed(c, *gw.file, err)
		}
		return printExplanation(c, e, *asJSON)
	}
	return c
}

// explainLive asks the gateway that runs.
func explainLive(c *cobra.Command, gw *client, q *gateway.Question, asJSON bool) error {
	body, err := gw.ask("POST", "/api/explain", q)
	if err != nil {
		return found(err)
	}
	var e gateway.Explanation
	if err := json.Unmarshal(body, &e); err != nil {
		return found(fmt.Errorf("the gateway's answer cannot be read: %w", err))
	}
	return printExplanation(c, &e, asJSON)
}

// explainFailed tells what is wrong with the question, which is of usage, from what is wrong with the document.
func explainFailed(c *cobra.Command, file string, err error) error {
	var odd *gateway.QuestionError
	var errs schema.Errors
	switch {
	case errors.As(err, &odd):
		return err
	case errors.As(err, &errs):
		printErrors(c.ErrOrStderr(), errs)
		return &finding{fmt.Errorf("%s cannot be served", file)}
	}
	return found(err)
}

func printExplanation(c *cobra.Command, e *gateway.Explanation, asJSON bool) error {
	if asJSON {
		if err := printJSON(c.OutOrStdout(), e); err != nil {
			return found(err)
		}
	} else {
		explainText(c.OutOrStdout(), e)
	}
	if e.Outcome == "refused" {
		return &finding{}
	}
	return nil
}
