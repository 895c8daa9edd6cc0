// Package admin is the listener for those who run the gateway: what it counts, whether it is ready, how it is doing, and what they
// may change.
//
// It is open to this machine alone for now. /metrics, /live and /ready are for everybody on it; what shows more or changes
// something needs a token whose role allows it (access.go). A browser on this machine is not "those who run the gateway": a
// page that it shows may send requests to any loopback address, and after DNS rebinding read the answers. So the host of each
// request must be one that only this machine has, and no page of elsewhere changes anything.
//
// endpoints.go lists everything that there is, people.go with it what is about who may come in; serve.go is one request's way.
package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"sallyport/gateway"
)

// A Server serves the admin listener.
type Server struct {
	gateway *gateway.Gateway
	counts  http.Handler
	access  access
	pages   *http.CrossOriginProtection // against pages of elsewhere
	http    http.Server
	people
}

// Bounds of the listener. Its clients are few, and near.
const (
	maxConnections = 64
	headTimeout    = 5 * time.Second
	readTimeout    = 10 * time.Second
	writeTimeout   = 60 * time.Second // a large document takes its time to be built
	idleTimeout    = 60 * time.Second
	maxHead        = 16 << 10
	patience       = 2 * time.Second // for requests under way when the process stops
)

// New returns a server that shows g. The token that lets in when the document has none is made now.
func New(g *gateway.Gateway) *Server {
	s := &Server{gateway: g, counts: g.Metrics().Handler(), pages: http.NewCrossOriginProtection()}
	s.people = people{log: g.Log(), book: g.Identity().Served, routeNames: func() []string { return routeNames(g) }, data: g.Data, copyStore: g.Backup}
	s.access.gateway = g
	s.access.prepare()
	s.http = http.Server{
		Handler:                      http.HandlerFunc(s.serve),
		ReadHeaderTimeout:            headTimeout,
		ReadTimeout:                  readTimeout,
		WriteTimeout:                 writeTimeout,
		IdleTimeout:                  idleTimeout,
		MaxHeaderBytes:               maxHead,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(g.Log().Handler(), slog.LevelWarn),
		Protocols:                    new(http.Protocols),
		ConnContext:                  withConn,
		ConnState:                    rests,
	}
	s.http.Protocols.SetHTTP1(true)
	return s
}

// Open serves g's admin listener on l until stop. It is what gateway.Options.Admin asks for.
func Open(g *gateway.Gateway, l net.Listener) (stop func()) {
	g.Log().Info("admin listener", "address", l.Addr().String())
	s, ended := New(g), make(chan struct{})
	go func() {
		defer close(ended)
		if err := s.Serve(l); err != nil {
			g.Log().Error("the admin listener is gone", "error", err)
		}
	}()
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			g.Log().Warn("requests to the admin listener were cut off", "error", err)
		}
		<-ended
	}
}

// Serve answers requests that come in by l until Shutdown, and closes l.
func (s *Server) Serve(l net.Listener) error {
	err := s.http.Serve(&bounded{Listener: l, room: make(chan struct{}, maxConnections)})
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve the admin listener: %w", err)
}

// Shutdown stops serving and waits for the requests under way until ctx ends; what is left then is
// cut off.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("stop the admin listener: %w", err), s.http.Close())
	}
	return nil
}
