// Package admin is the listener for those who run the gateway: what it counts, whether it is ready, how it is doing.
//
// For now it is open to this machine alone, reads and never changes anything. A browser on this machine is not
// "those who run the gateway": a page that it shows may send requests to any loopback address, and after
// DNS rebinding read the answers. So the host of each request must be one that only this machine has.
package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// Options are what a Server shows.
type Options struct {
	// Ready says whether requests of clients are served: from the first good document on, and not any more
	// while draining.
	Ready func() bool
	// Status returns how the gateway is right now, as a value that can be written as JSON.
	Status func() any
	// Metrics answers /metrics.
	Metrics http.Handler
	Log     *slog.Logger
}

// A Server serves the admin listener.
type Server struct {
	options Options
	http    http.Server
}

// Bounds of the listener. Its clients are few, and near.
const (
	maxConnections = 64
	headTimeout    = 5 * time.Second
	readTimeout    = 10 * time.Second
	writeTimeout   = 30 * time.Second
	idleTimeout    = 60 * time.Second
	maxHead        = 16 << 10
)

// New returns a server that shows what o says.
func New(o Options) *Server {
	s := &Server{options: o}
	s.http = http.Server{
		Handler:                      http.HandlerFunc(s.serve),
		ReadHeaderTimeout:            headTimeout,
		ReadTimeout:                  readTimeout,
		WriteTimeout:                 writeTimeout,
		IdleTimeout:                  idleTimeout,
		MaxHeaderBytes:               maxHead,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn),
		Protocols:                    new(http.Protocols),
	}
	s.http.Protocols.SetHTTP1(true)
	return s
}

// Listen opens address, which must be on loopback whatever name it goes by.
func Listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("open the admin listener: %w", err)
	}
	if at, err := netip.ParseAddrPort(l.Addr().String()); err != nil || !at.Addr().Unmap().IsLoopback() {
		_ = l.Close()
		return nil, fmt.Errorf("open the admin listener: not yet: %s is no loopback address, and the listener has no tokens for now", address)
	}
	return l, nil
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
