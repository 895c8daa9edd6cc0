package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"sallyport/expr"
	"sallyport/policy"
	"sallyport/schema"
)

func evalCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "eval EXPRESSION",
		Short: "Evaluate an expression, for a request if one is given",
		Long: `Evaluate a CEL expression, or text with ${...} in it, as a setting of the document would be.
The request is that of a file, or of standard input for -: a request line, header fields, an empty
line and the body, all but the request line optional. Without --request it is "GET / HTTP/1.1".`,
		Example: `  sallyport eval '1 + 2'
  sallyport eval 'request.headers["x-client"] == "mobile"' --request request.txt
  printf 'GET /users/42?full=1' | sallyport eval '/v1/${request.params.id}' --request - --match '/users/{id}'`,
		Args: cobra.ExactArgs(1),
	}
	file := c.Flags().String("request", "", "the request's `file`, - for standard input")
	match := c.Flags().String("match", "", "the `route` that the request took, for request.params")
	client := c.Flags().String("client", "127.0.0.1", "the client's `address`")
	asJSON := c.Flags().Bool("json", false, "print text as JSON as well")
	c.RunE = func(c *cobra.Command, args []string) error {
		from, err := netip.ParseAddr(*client)
		if err != nil {
			return fmt.Errorf("--client is no IP address: %q", *client)
		}
		text := []byte("GET / HTTP/1.1\n")
		if *file == "-" {
			text, err = io.ReadAll(c.InOrStdin())
		} else if *file != "" {
			text, err = os.ReadFile(*file)
		}
		if err != nil {
			return found(err)
		}
		x, err := exchange(string(text), *match, from.Unmap())
		if err != nil {
			return found(err)
		}
		value, err := evaluate(args[0], x)
		if err != nil {
			return found(err)
		}
		return found(printValue(c.OutOrStdout(), value, *asJSON))
	}
	return c
}

// evaluate compiles and runs src with what the document's settings may read.
func evaluate(src string, x *policy.Exchange) (any, error) {
	outside := &schema.Outside{Lookup: os.LookupEnv, ReadFile: expr.ReadFile}
	from := expr.From(outside, ".")
	if strings.Contains(src, "${") {
		t, err := expr.CompileTemplate(src, from)
		if err != nil {
			return nil, placed(src, err)
		}
		return t.Value(x)
	}
	e, err := expr.Compile(src, expr.Any, from)
	if err != nil {
		return nil, placed(src, err)
	}
	return e.Value(x)
}

// placed says where in src something is wrong.
func placed(src string, err error) error {
	var faults expr.Faults
	if !errors.As(err, &faults) {
		return err
	}
	var all []error
	for _, f := range faults {
		before := src[:min(max(f.At, 0), len(src))]
		line := strings.Count(before, "\n")
		col := utf8.RuneCountInString(before[strings.LastIndex(before, "\n")+1:])
		all = append(all, fmt.Errorf("%d:%d: %s\n  %s\n  %s^", line+1, col+1, f.Msg, strings.Split(src, "\n")[line], strings.Repeat(" ", col)))
	}
	return errors.Join(all...)
}

// printValue prints text as it is, everything else as JSON.
func printValue(w io.Writer, value any, asJSON bool) error {
	if s, ok := value.(string); ok && !asJSON {
		_, err := fmt.Fprintln(w, s)
		return err
	}
	return printJSON(w, value)
}
