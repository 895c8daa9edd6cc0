package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"sallyport/identity"
)

func checkKeysCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check [FILE]...",
		Short: "Find API keys that stand in files, or in standard input",
		Long: `Find API keys that leaked into files, or into standard input without any. A key of a gateway's making has a
checksum, so that it is told from other text without a look at any store; whether it is still good is not
looked at. Each is told with its place and its first characters, by which sallyport keys list shows it.
The exit code is 1 when there are any.`,
		Example: "  git log -p | sallyport keys check\n  sallyport keys check deploy/*.yaml",
		RunE: func(c *cobra.Command, files []string) error {
			n := 0
			if len(files) == 0 {
				if err := findKeys(c.InOrStdin(), "standard input", c.OutOrStdout(), &n); err != nil {
					return found(err)
				}
			}
			for _, name := range files {
				if err := findKeysIn(name, c.OutOrStdout(), &n); err != nil {
					return found(err)
				}
			}
			if n > 0 {
				return &finding{fmt.Errorf("%s found; sallyport keys revoke takes a key back", count(n, "key"))}
			}
			return nil
		},
	}
}

func findKeysIn(name string, out io.Writer, n *int) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return findKeys(f, name, out, n)
}

// findKeys prints where keys stand, and counts them. Lines may be of any length.
func findKeys(in io.Reader, name string, out io.Writer, n *int) error {
	r := bufio.NewReaderSize(in, 64<<10)
	var text []byte // what was read, behind what could be the beginning of a key
	for line := 1; ; {
		chunk, err := r.ReadSlice('\n')
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return fmt.Errorf("read %s: %w", name, err)
		}
		text = append(text, chunk...)
		for _, at := range identity.FindKeys(text) {
			*n++
			fmt.Fprintf(out, "%s:%d: %s…\n", name, line, text[at:at+identity.KeyShown])
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err == nil:
			line++
			text = text[:0]
		default:
			text = append(text[:0], text[max(0, len(text)-identity.KeyLength+1):]...)
		}
	}
}
