package balance

import (
	"context"
	"log/slog"
)

// Tales are lines for the log that come up while a lock is held, to be told afterwards: whoever reads the log may be slow.
type tales []tale

type tale struct {
	level slog.Level
	text  string
	args  []any
}

func (t *tales) info(text string, args ...any) { *t = append(*t, tale{slog.LevelInfo, text, args}) }

func (t *tales) warn(text string, args ...any) { *t = append(*t, tale{slog.LevelWarn, text, args}) }

func (t *tales) tell(log *slog.Logger) {
	for _, one := range *t {
		log.Log(context.Background(), one.level, one.text, one.args...)
	}
}
