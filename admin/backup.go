package admin

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"sallyport/problem"
)

// This file hands out copies of the store.

// backupTime is how long one may take to be fetched.
const backupTime = 15 * time.Minute

// backup answers with a copy of the store as of one moment, which is made on the disk first so that a slow client holds up nothing.
func (s *Server) backup(w http.ResponseWriter, r *http.Request) *problem.Problem {
	dir, err := os.MkdirTemp(s.data(), ".backup-*")
	if err != nil {
		return noStore.Wrap(err).With("Retry-After", "60")
	}
	defer func() { _ = os.RemoveAll(dir) }()
	name := filepath.Join(dir, "sallyport.db")
	if err := s.copyStore(r.Context(), name); err != nil {
		return refusedChange(err)
	}
	f, err := os.Open(name)
	if err != nil {
		return problem.Internal.Wrap(err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return problem.Internal.Wrap(err)
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(backupTime)) // where it cannot be set there is none
	w.Header().Set("Content-Type", "application/vnd.sqlite3")
	w.Header().Set("Content-Length", strconv.FormatInt(info.Size(), 10))
	w.Header().Set("Content-Disposition", `attachment; filename="sallyport.db"`)
	w.WriteHeader(http.StatusOK)
	_, _ = io.Copy(w, f) // a client that went away is its own affair; one that stays sees from the length that something is missing
	return nil
}
