package main

// Asking who may come in: the gateway that runs, by its admin listener, or else the store itself, so that keys can be made before
// the first start.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"sallyport/admin"
	"sallyport/config"
	"sallyport/gateway"
	"sallyport/identity"
	"sallyport/store/sqlite"
)

// A people asks who may come in.
type people struct {
	*client
	command *cobra.Command
	quiet   bool // for completion, which has nobody to tell
	told    bool // that the store is opened directly
}

// peopleFlags gives a command what it takes to find a gateway, or a store.
func peopleFlags(c *cobra.Command) *people {
	return &people{client: clientFlags(c), command: c}
}

// ask sends a request to the gateway that runs. When none does, and none was named, the store is opened for as long as the request takes.
func (p *people) ask(method, path string, body any) ([]byte, error) {
	address, err := p.at()
	if *p.address != "" || err == nil && listens(address) {
		return p.client.ask(method, path, body)
	}
	d, err := p.direct(address)
	if err != nil {
		return nil, err
	}
	defer d.close()
	return d.ask(method, path, body)
}

// listens says whether somebody does. Whoever does not refuse is asked, so that what is wrong is told.
func listens(address string) bool {
	conn, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err == nil {
		_ = conn.Close()
	}
	return !errors.Is(err, syscall.ECONNREFUSED)
}

// A direct is a store that is open here, and who is known of it and the document.
type direct struct {
	file     string
	store    *sqlite.Store // nil while there is none
	registry *identity.Registry
	handler  http.Handler
}

// direct opens the store of the document. No gateway listens at address, which is empty when none is to.
func (p *people) direct(address string) (*direct, error) {
	why := "no gateway runs"
	if address != "" {
		why = "no gateway runs at " + address
	}
	if _, err := os.Stat(*p.file); err != nil {
		return nil, fmt.Errorf("%s, and there is no document %s to find its store by; give --admin, or -c", why, *p.file)
	}
	doc, errs := config.Load(*p.file, config.Options{})
	if len(errs) > 0 {
		return nil, fmt.Errorf("%s, and the document %s has errors, which sallyport check tells", why, *p.file)
	}
	log := slog.New(slog.NewTextHandler(p.command.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	d := &direct{file: gateway.StoreFile(doc, dataDirectory(*p.data, *p.file)), registry: identity.NewRegistry(log)}
	d.registry.OpenWith(func(ctx context.Context) (identity.Store, []byte, error) { return d.open(ctx, sqlite.Create, log) })
	if sqlite.Exists(d.file) {
		s, pepper, err := d.open(context.Background(), sqlite.Open, log)
		if err == nil {
			err = d.registry.Attach(s, pepper)
		}
		if err != nil {
			d.close()
			return nil, err
		}
	}
	// What is wrong with consumers and plans is for check to tell: a plan that is missing may be what is about to be made.
	book, _ := identity.NewBook(doc.Consumers, doc.Plans, doc.Root, d.registry)
	d.registry.Serve(book)
	d.handler = admin.Direct(book, log)
	if !p.quiet && !p.told {
		p.told = true
		fmt.Fprintf(p.command.ErrOrStderr(), "%s; the store %s is opened directly\n", why, d.file)
	}
	return d, nil
}

func (d *direct) open(ctx context.Context, open func(context.Context, string, *slog.Logger) (*sqlite.Store, error), log *slog.Logger) (identity.Store, []byte, error) {
	s, err := open(ctx, d.file, log)
	if err != nil {
		return nil, nil, err
	}
	d.store = s
	return s, s.Pepper(), nil
}

func (d *direct) close() {
	d.registry.Detach()
	if d.store != nil {
		_ = d.store.Close() // what it acknowledged is kept
	}
}

// ask has the same answers as the admin listener.
func (d *direct) ask(method, path string, body any) ([]byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(method, "http://localhost"+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	a := &answer{header: http.Header{}, status: http.StatusOK}
	d.handler.ServeHTTP(a, r)
	if a.status >= 300 {
		var f failure
		if json.Unmarshal(a.body.Bytes(), &f) != nil || f.Detail == "" {
			return nil, fmt.Errorf("the store %s cannot be written", d.file)
		}
		return nil, errors.New(f.Detail)
	}
	return a.body.Bytes(), nil
}

// An answer is kept in memory.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header is for the handler.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader is for the handler.
func (a *answer) WriteHeader(status int) { a.status = status }

// Write is for the handler.
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

// pageSize is how many a page of a list is asked for with.
const pageSize = 1000

// all returns the members of a list, page by page, up to most of them; more says that there are others.
func all[T any](p *people, path string, query url.Values, member string, most int) (list []T, more bool, err error) {
	list = []T{}
	for {
		query.Set("limit", fmt.Sprint(min(pageSize, most-len(list))))
		body, err := p.ask("GET", path+"?"+query.Encode(), nil)
		if err != nil {
			return nil, false, err
		}
		var page map[string]json.RawMessage
		var some []T
		if json.Unmarshal(body, &page) != nil || json.Unmarshal(page[member], &some) != nil {
			return nil, false, errors.New("the gateway's answer cannot be read")
		}
		var next string
		_ = json.Unmarshal(page["next"], &next) // which the last page has not
		if list = append(list, some...); next == "" || len(list) >= most {
			return list, next != "", nil
		}
		query.Set("after", next)
	}
}

// askFor asks for one thing and reads the answer into v.
func (p *people) askFor(method, path string, body, v any) ([]byte, error) {
	text, err := p.ask(method, path, body)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return nil, fmt.Errorf("the gateway's answer cannot be read: %w", err)
	}
	return text, nil
}

// completed offers names of a list, such as those of consumers, to a shell.
func (p *people) completed(path, member, field string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		p.quiet = true
		list, _, err := all[map[string]any](p, path, url.Values{}, member, pageSize)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []string
		for _, one := range list {
			if name, ok := one[field].(string); ok {
				names = append(names, name)
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}
