package gateway

import (
	"bytes"
	"log"
	"log/slog"
	"strings"
	"testing"
)

func TestOverhear(t *testing.T) {
	for level, want := range map[slog.Level]string{slog.LevelInfo: "", slog.LevelDebug: `level=DEBUG msg="a frame"`} {
		var b bytes.Buffer
		undo := overhear(slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: level})))
		log.Print("a frame") // as net/http does
		undo()
		if got := b.String(); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%v: got %q", level, got)
		}
	}
}
