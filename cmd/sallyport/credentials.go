package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"sallyport/admin"
	terminals "sallyport/process"
)

var credentials = record{"credential", "/api/credentials", "credentials", "id", "ID"}

func credentialsCommand() *cobra.Command {
	return credentials.group("credentials", "Add, list and remove what consumers prove themselves with", `Add, list and remove credentials of other kinds than API keys: user names with passwords, claims of tokens,
and client certificates. Neither passwords nor their hashes are shown. A gateway that runs is asked; while
none does, the store of the document is opened. The token needs the role viewer to look, operator to change.`,
		addCredentialCommand(),
		listCommand(credentials, [][2]string{{"consumer", "those of this `consumer`"}, {"kind", "basic, jwt or certificate"}, {"source", "document or store"}},
			[]string{"ID", "CONSUMER", "KIND", "SETTINGS", "CREATED", "SOURCE"}, credentialRow),
		credentials.showCommand(),
		credentials.removeCommand("remove", "Take a credential back: the next request with it is refused", ""),
	)
}

func credentialRow(c *admin.Credential) []string {
	var settings []string
	for _, name := range []string{"username", "issuer", "claim", "value", "subject", "fingerprint", "san"} {
		if value := c.Settings[name]; value != "" {
			settings = append(settings, name+"="+value)
		}
	}
	return []string{c.ID, c.Consumer, c.Kind, strings.Join(settings, " "), day(c.Created), c.Source}
}

// credentialFlags are the settings of a credential, by its kind.
var credentialFlags = []struct{ kind, name, doc string }{
	{"basic", "username", "for a password: the user `name`"},
	{"jwt", "issuer", "for tokens: the `issuer`, as in their claim iss"},
	{"jwt", "claim", "for tokens: the `claim` that tells the consumer; sub without"},
	{"jwt", "value", "for tokens: what the claim says"},
	{"certificate", "subject", "for a client certificate: its `subject`, such as CN=acme,O=Acme"},
	{"certificate", "fingerprint", "for a client certificate: its SHA-256 in hex `digits`"},
	{"certificate", "san", "for a client certificate: a subject alternative `name`"},
}

func addCredentialCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "add --consumer NAME",
		Short: "Add a credential to a consumer",
		Long: `Add a credential to a consumer. A password is asked for at a terminal, and else read from the first line of
standard input: on a command line, others could see it.`,
		Example: `  sallyport credentials add --consumer acme --username acme
  pass show acme | sallyport credentials add --consumer acme --username acme
  sallyport credentials add --consumer acme --issuer https://idp.example.com --claim azp --value acme`,
		Args: noArgs,
	}
	p, asJSON := peopleFlags(c), jsonFlag(c)
	consumer := c.Flags().String("consumer", "", "the `consumer` whose it is to be")
	_ = c.RegisterFlagCompletionFunc("consumer", p.completed(consumers.path, consumers.member, consumers.field)) // fails only for a flag that is not there
	values := map[string]*string{}
	for _, f := range credentialFlags {
		values[f.name] = c.Flags().String(f.name, "", f.doc)
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		kind, settings, err := credentialSettings(values)
		switch {
		case err != nil:
			return err
		case *consumer == "":
			return errors.New("--consumer says whose it is to be; sallyport consumers list tells who there is")
		case kind == "basic":
			if settings["password"], err = password(c); err != nil {
				return found(err)
			}
		}
		var made admin.Credential
		body, err := p.askFor("POST", credentials.path, map[string]any{"consumer": *consumer, "kind": kind, "settings": settings}, &made)
		switch {
		case err != nil:
			return found(err)
		case *asJSON:
			fmt.Fprint(c.OutOrStdout(), string(body))
		default:
			fmt.Fprintf(c.OutOrStdout(), "credential %s of %s is added\n", made.ID, made.Consumer)
		}
		return nil
	}
	return c
}

// credentialSettings finds out which kind is meant by what is given.
func credentialSettings(values map[string]*string) (kind string, settings map[string]string, err error) {
	settings = map[string]string{}
	for _, f := range credentialFlags {
		value := *values[f.name]
		if value == "" {
			continue
		}
		if kind != "" && kind != f.kind {
			return "", nil, fmt.Errorf("--%s belongs to another kind of credential than what is given with it; add one at a time", f.name)
		}
		kind, settings[f.name] = f.kind, value
	}
	if kind == "" {
		return "", nil, errors.New("say what it is: --username for a password, --issuer and --value for tokens, --subject, --fingerprint or --san for a certificate")
	}
	return kind, settings, nil
}

// maxPassword bounds what is read of standard input.
const maxPassword = 4 << 10

// password asks for one, twice, or reads it.
func password(c *cobra.Command) (string, error) {
	f, terminal := c.InOrStdin().(*os.File)
	if terminal {
		if restore, ok := terminals.Hush(f); ok {
			return typed(c, f, restore)
		}
	}
	line, err := bufio.NewReader(io.LimitReader(c.InOrStdin(), maxPassword)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", errors.New("there is no password on standard input")
	}
	return line, nil
}

// typed asks for a password at a terminal, which restore lets show again what is typed.
func typed(c *cobra.Command, f *os.File, restore func()) (string, error) {
	stop, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-stop:
			restore()
			os.Exit(usage)
		case <-done:
		}
	}()
	defer func() {
		signal.Stop(stop)
		close(done)
		restore()
	}()
	in := bufio.NewReader(io.LimitReader(f, 2*maxPassword))
	var got [2]string
	for i, ask := range []string{"password: ", "again: "} {
		fmt.Fprint(c.ErrOrStderr(), ask)
		line, err := in.ReadString('\n')
		fmt.Fprintln(c.ErrOrStderr())
		if err != nil {
			return "", errors.New("no password was typed")
		}
		got[i] = strings.TrimRight(line, "\r\n")
	}
	if got[0] != got[1] {
		return "", errors.New("the two are not the same")
	}
	return got[0], nil
}
