package gateway

import (
	"bytes"
	"log"
	"log/slog"
	"strings"
	"testing"
)

func TestOverhear(t *testing.T) {
	var b bytes.Buffer
	was := log.Writer()
	undo := overhear(slog.New(slog.NewTextHandler(&b, nil)))
	log.Print("a frame")
	undo()
	if b.Len() > 0 || log.Writer() != was {
		t.Errorf("%q is told to everybody", b.String())
	}
	undo = overhear(slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug})))
	log.Print("a frame")
	undo()
	if !strings.Contains(b.String(), `level=DEBUG msg="a frame"`) {
		t.Errorf("got %q", b.String())
	}
}
