package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

func storeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "store",
		Short: "Back up what is kept of who may come in",
		Args:  oneCommand,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("say what to do: sallyport store backup FILE")
		},
	}
	c.AddCommand(backupCommand())
	return c
}

func backupCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the store, as of one moment, into a file",
		Long: `Copy the store, as of one moment, into a file that is not there yet and that its owner alone may read. Changes
go on meanwhile. The pepper, a file beside the store without which its keys are good for nobody, is not in the
copy: keep that apart. A gateway that runs is asked for the copy; while none does, the store of the document is
opened. The token needs the role admin.`,
		Example: "  sallyport store backup /var/backups/sallyport-2027-06-30.db",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("name the file that the copy goes to")
			}
			return nil
		},
	}
	p := peopleFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := p.backUp(c.Context(), args[0]); err != nil {
			return found(err)
		}
		fmt.Fprintf(c.OutOrStdout(), "the store is backed up to %s\n", args[0])
		return nil
	}
	return c
}

// backUp has the copy whole before it gets its name.
func (p *people) backUp(ctx context.Context, to string) error {
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("%s is there already", to)
	}
	address, err := p.at()
	if *p.address == "" && (err != nil || !listens(address)) {
		return p.backUpDirectly(ctx, address, to)
	}
	resp, err := p.send("POST", "/api/store/backup", nil)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	f, err := os.CreateTemp(filepath.Dir(to), "."+filepath.Base(to)+".*.tmp") // its owner's alone
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = io.Copy(f, resp.Body)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("the copy breaks off: %w", err)
	}
	if err := os.Link(f.Name(), to); err != nil { // fails where there is such a file by now
		return err
	}
	return nil
}

func (p *people) backUpDirectly(ctx context.Context, address, to string) error {
	d, err := p.direct(address)
	if err != nil {
		return err
	}
	defer d.close()
	if d.store == nil {
		return fmt.Errorf("there is no store %s: %w", d.file, fs.ErrNotExist)
	}
	return d.store.Backup(ctx, to)
}
