// Package demo is a small world to try the gateway in: three services with data, the gateway in front of them, all in one
// process on loopback, and a document on disk to play with.
//
// services.go is the services, sallyport.yaml the document, function.go a function, tour.go what to try.
package demo

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"sallyport/gateway"
)

// Options are what the demo needs. Only Out is required.
type Options struct {
	Dir       string        // where the document goes; sallyport-demo in the working directory by default
	ExitAfter time.Duration // how long it runs; 0 is until it is told to stop
	Out       io.Writer     // gets what to try
	Program   string        // how a shell finds sallyport; as this process was started by default
	Gateway   gateway.Options
}

//go:embed sallyport.yaml
var document string

// A world is the demo under way.
type world struct {
	dir      string
	file     string // the document
	gateway  string // address of the gateway, and so on
	admin    string
	program  string // as a shell takes it
	python   bool   // functions in Python can run
	services []*service
}

// Usual ports, which are taken if they are free.
const (
	gatewayPort = 8080
	adminPort   = 9901
	firstPort   = 9101 // of the services
)

// Run starts the demo and returns when ctx ends, a signal stops it or its time is over.
func Run(ctx context.Context, o Options) error {
	if o.ExitAfter > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.ExitAfter)
		defer cancel()
	}
	w := &world{gateway: free(gatewayPort), admin: free(adminPort), program: quoted(cmp.Or(o.Program, os.Args[0]))}
	defer w.stop()
	if err := w.start(); err != nil {
		return err
	}
	if err := w.settle(o.Dir, o.Out); err != nil {
		return err
	}
	o.Gateway.Unfit = errors.New("the demo's services live in this process, and end with it")
	o.Gateway.Data = filepath.Join(w.dir, "data")
	o.Gateway.Serving = func(*gateway.Gateway) { w.tour(o.Out) }
	return gateway.Run(ctx, w.file, o.Gateway)
}

// start starts the services.
func (w *world) start() error {
	shop := newShop()
	for i, s := range []*service{{name: "users", handler: shop.users()}, {name: "catalog", handler: shop.catalog()},
		{name: "orders-1", handler: shop.orders("orders-1")}, {name: "orders-2", handler: shop.orders("orders-2")}} {
		if err := s.start(firstPort + i); err != nil {
			return err
		}
		w.services = append(w.services, s)
	}
	return nil
}

func (w *world) stop() {
	for _, s := range w.services {
		_ = s.server.Close()
	}
}

// A service is one server of the world.
type service struct {
	name    string
	handler http.Handler
	address string
	server  *http.Server
}

// start serves at a port of loopback, or at any other if that is taken.
func (s *service) start(port int) error {
	l, err := listen(port)
	if err != nil {
		return fmt.Errorf("start the service %s: %w", s.name, err)
	}
	s.address = l.Addr().String()
	s.server = &http.Server{Handler: s.handler, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.server.Serve(l) }() // ends with stop
	return nil
}

func listen(port int) (net.Listener, error) {
	if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
		return l, nil
	}
	return net.Listen("tcp", "127.0.0.1:0")
}

// free returns an address of loopback that nobody has, with the port if that is one.
func free(port int) string {
	l, err := listen(port)
	if err != nil {
		return fmt.Sprintf("127.0.0.1:%d", port) // whoever needs it says what is wrong
	}
	defer l.Close()
	return l.Addr().String()
}

// settle writes the document. One that is there already may be somebody's work, so it is kept aside.
func (w *world) settle(dir string, out io.Writer) error {
	var err error
	if w.dir, err = makeDir(dir); err != nil {
		return fmt.Errorf("make a directory for the demo: %w", err)
	}
	w.file = filepath.Join(w.dir, "sallyport.yaml")
	for _, file := range []string{w.file, filepath.Join(w.dir, "functions.yaml")} {
		switch err := os.Rename(file, file+".old"); {
		case err == nil:
			fmt.Fprintf(out, "The document that was there is now %s.old\n", file)
		case !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("keep the document of an earlier demo: %w", err)
		}
	}
	if w.python = hasPython(); w.python {
		if err := w.settleFunction(); err != nil {
			return err
		}
	}
	if err := os.WriteFile(w.file, []byte(w.text()), 0o644); err != nil {
		return fmt.Errorf("write the demo's document: %w", err)
	}
	return nil
}

// makeDir makes the directory, in the place for temporary files if the working directory takes none and dir says
// nothing.
func makeDir(dir string) (string, error) {
	if dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return "", err
		}
		return abs, os.MkdirAll(abs, 0o755)
	}
	if abs, err := filepath.Abs("sallyport-demo"); err == nil && os.MkdirAll(abs, 0o755) == nil {
		return abs, nil
	}
	return os.MkdirTemp("", "sallyport-demo-")
}

// text is the document with the addresses of this world.
func (w *world) text() string {
	pairs := []string{"GATEWAY", w.gateway, "ADMIN", w.admin, "DIR", w.dir, "LOG", strconv.Quote(filepath.Join(w.dir, "access.log"))}
	for _, s := range w.services {
		pairs = append(pairs, strings.ToUpper(strings.ReplaceAll(s.name, "-", "_")), s.address)
	}
	return strings.NewReplacer(pairs...).Replace(document)
}
