// Command sallyport is the gateway and the tools around it. Each command's file turns flags into one call of a
// package below and prints what comes back; nothing is decided here.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"sallyport/schema"
)

// Exit codes.
const (
	good     = 0
	findings = 1 // the command ran, and what it found or did is not good
	usage    = 2 // the command line is wrong
)

func main() { os.Exit(execute(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// execute runs one command line and returns the exit code.
func execute(args []string, in io.Reader, out, err io.Writer) int {
	root := command()
	root.SetArgs(args)
	root.SetIn(in)
	out, err = newShown(out), newShown(err)
	root.SetOut(out)
	root.SetErr(err)
	ran, failure := root.ExecuteC()
	var found *finding
	switch {
	case failure == nil:
		return good
	case errors.As(failure, &found):
		if found.err != nil {
			c := printer(err)
			fmt.Fprintln(err, c.red("error:"), found.err)
		}
		return findings
	}
	fmt.Fprintf(err, "%s %v\n%s --help tells how it is used.\n", printer(err).red("error:"), failure, ran.CommandPath())
	return usage
}

// A finding ends a command with exit code 1. A nil err has been printed already.
type finding struct{ err error }

func (f *finding) Error() string { return "findings" }

// found makes an error of a command's work a finding; what cobra itself returns stays an error of usage.
func found(err error) error {
	if err == nil {
		return nil
	}
	return &finding{err}
}

const about = `Sallyport is an API gateway: listeners take requests, routes say what each of them
passes through and where it goes. One file describes it all.

  sallyport demo                   three services and a gateway to play with
  sallyport run -c sallyport.yaml  the gateway itself`

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "sallyport",
		Short:         "An API gateway",
		Long:          about,
		Args:          oneCommand,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("a command is missing")
		},
	}
	for _, g := range []struct {
		id, title string
		commands  []*cobra.Command
	}{
		{"serve", "Serve:", []*cobra.Command{runCommand(), demoCommand()}},
		{"operate", "Operate a gateway that runs:", []*cobra.Command{statusCommand(), reloadCommand(), upstreamsCommand()}},
		{"people", "Say who may come in:", []*cobra.Command{keysCommand(), consumersCommand(), plansCommand(), credentialsCommand(), revocationsCommand(), storeCommand()}},
		{"look", "Look at a document before it serves:", []*cobra.Command{checkCommand(), routesCommand(), explainCommand(), testCommand(), evalCommand()}},
		{"learn", "Learn what may be written:", []*cobra.Command{policiesCommand(), problemsCommand(), schemaCommand()}},
		{"program", "The program:", []*cobra.Command{versionCommand(), docsCommand()}},
	} {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, c := range g.commands {
			c.GroupID = g.id
			root.AddCommand(c)
		}
	}
	root.SetCompletionCommandGroupID("program")
	root.SetHelpCommandGroupID("program")
	return root
}

// oneCommand refuses what is no command.
func oneCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	if near := schema.Nearest(args[0], names); near != "" {
		return fmt.Errorf("there is no command %q; did you mean %q?", args[0], near)
	}
	return fmt.Errorf("there is no command %q", args[0])
}

// noArgs refuses arguments.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no arguments, but %q is given", c.Name(), args[0])
	}
	return nil
}
