package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"log/slog"
)

// This file brings a database up to date, one step after another, each in a transaction of its own. A database that a newer program
// has changed is left alone.

// migrations are the steps. The number of each is the version that it leads to. One that was released does not change.
//
//go:embed migrations/*.sql
var migrations embed.FS

// latest is the version that this program knows.
const latest = 1

// applicationID marks a database as a store of Sallyport: "Sally" does not fit.
const applicationID = 0x53616c6c

func migrate(ctx context.Context, db *sql.DB, log *slog.Logger) (version int, err error) {
	var id, tables int
	row := db.QueryRowContext(ctx, "SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)")
	if err := row.Scan(&id, &version, &tables); err != nil {
		return 0, err
	}
	switch {
	case id != applicationID && (id != 0 || version != 0 || tables != 0):
		return 0, errors.New("it is a database of another program")
	case version > latest:
		return 0, fmt.Errorf("it has version %d, of a newer program, and this one knows up to %d; run the newer one, or restore a backup that was made before it", version, latest)
	}
	for from := version; version < latest; version++ {
		if err := step(ctx, db, version+1); err != nil {
			return 0, fmt.Errorf("bring it from version %d to %d: %w", version, version+1, err)
		}
		if from > 0 {
			log.Info("the store was brought up to date", "version", version+1)
		}
	}
	return version, nil
}

// step leads to a version.
func step(ctx context.Context, db *sql.DB, to int) error {
	text, err := migrations.ReadFile(fmt.Sprintf("migrations/%04d.sql", to))
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, fmt.Sprintf("%s;\nPRAGMA application_id = %d;\nPRAGMA user_version = %d", text, applicationID, to))
	if err != nil {
		_ = tx.Rollback() // there may be none any more
		return err
	}
	return tx.Commit()
}
