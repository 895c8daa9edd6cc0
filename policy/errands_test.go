package policy_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/policy"
)

func TestErrands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := policy.NewErrands(2, slog.New(slog.DiscardHandler))
		var ended atomic.Int64
		short := func(context.Context) { time.Sleep(time.Second); ended.Add(1) }
		for i, want := range []bool{true, true, false} {
			if got := e.Go(short); got != want {
				t.Errorf("errand %d: got %v, want two and no more", i, got)
			}
		}
		time.Sleep(2 * time.Second)
		long := func(ctx context.Context) { <-ctx.Done(); ended.Add(1) }
		if !e.Go(short) || !e.Go(long) {
			t.Error("those that ended still count")
		}
		start := time.Now()
		e.Close(5 * time.Second)
		if ended.Load() != 4 || time.Since(start) != 5*time.Second {
			t.Errorf("%d ended in %v, want all once patience is over", ended.Load(), time.Since(start))
		}
		if e.Go(short) {
			t.Error("one begins after the end")
		}
		e.Close(0)
	})
}

func TestErrandPanics(t *testing.T) {
	var log bytes.Buffer
	e := policy.NewErrands(1, slog.New(slog.NewTextHandler(&log, nil)))
	e.Go(func(context.Context) { panic("oops") })
	e.Close(time.Minute)
	if !strings.Contains(log.String(), "an errand panicked") || !strings.Contains(log.String(), "oops") {
		t.Errorf("got %q", log.String())
	}
}
