package gateway

import (
	"context"
	"io"
	"log/slog"
	"sync/atomic"

	"sallyport/telemetry"
)

// A logSwitch is a log whose level and form a new document may change. Whoever got a logger from it keeps it.
type logSwitch struct {
	w    io.Writer
	to   *atomic.Pointer[slog.Handler]
	with []func(slog.Handler) slog.Handler // attributes and groups, in order
}

func newLogSwitch(w io.Writer) *logSwitch {
	s := &logSwitch{w: w, to: &atomic.Pointer[slog.Handler]{}}
	s.set(telemetry.LogConfig{Level: "info", Format: "text"})
	return s
}

// set has everything that is logged from now on written as c says.
func (s *logSwitch) set(c telemetry.LogConfig) {
	h := telemetry.NewLogger(s.w, c.Level, c.Format).Handler()
	s.to.Store(&h)
}

// Enabled asks the handler in use.
func (s *logSwitch) Enabled(ctx context.Context, l slog.Level) bool {
	return (*s.to.Load()).Enabled(ctx, l)
}

// Handle has the handler in use write r.
func (s *logSwitch) Handle(ctx context.Context, r slog.Record) error {
	h := *s.to.Load()
	for _, w := range s.with {
		h = w(h)
	}
	return h.Handle(ctx, r)
}

// WithAttrs returns a log with attributes of its own.
func (s *logSwitch) WithAttrs(attrs []slog.Attr) slog.Handler {
	return s.and(func(h slog.Handler) slog.Handler { return h.WithAttrs(attrs) })
}

// WithGroup returns a log with a group of its own.
func (s *logSwitch) WithGroup(name string) slog.Handler {
	return s.and(func(h slog.Handler) slog.Handler { return h.WithGroup(name) })
}

func (s *logSwitch) and(f func(slog.Handler) slog.Handler) *logSwitch {
	return &logSwitch{s.w, s.to, append(s.with[:len(s.with):len(s.with)], f)}
}

// overhear makes what libraries say through package log a matter of debugging, until it is undone: net/http has a line there for each
// frame that it cannot use, so a target could fill the disk.
func overhear(l *slog.Logger) (undo func()) {
	was, level := slog.Default(), slog.SetLogLoggerLevel(slog.LevelDebug)
	slog.SetDefault(l)
	return func() {
		slog.SetLogLoggerLevel(level)
		slog.SetDefault(was)
	}
}
