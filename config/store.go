package config

import (
	"path/filepath"
	"strings"

	"sallyport/schema"
)

// Store is where what is durable is kept.
type Store struct {
	SQLite   StoreFile `json:"sqlite" default:"" doc:"The file of the database; sallyport.db in the data directory without. It is made once there is something to keep."`
	Postgres struct{}  `json:"postgres" later:"PostgreSQL as the store comes with running on several machines; sqlite is there"`
}

// A StoreFile is the name of a database: from the folder of the document unless it says another. It need not be there.
type StoreFile struct{ Path string }

// UnmarshalNode implements schema.Unmarshaler.
func (f *StoreFile) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	text := n.Text
	switch {
	case n.Kind == schema.List || n.Kind == schema.Map || text == "" || !n.Literal && strings.Contains(text, "${"):
		errs.Add(n, path, "write the name of a file, such as data/sallyport.db")
	case strings.HasPrefix(text, ":") || strings.HasPrefix(text, "file:") || strings.ContainsRune(text, 0):
		errs.Add(n, path, "%q is no name of a file; write such as data/sallyport.db", text)
	case strings.HasSuffix(text, "/"):
		errs.Add(n, path, "%s is a folder; write the name of a file in it, such as %ssallyport.db", text, text)
	case filepath.IsAbs(text):
		f.Path = text
	default:
		f.Path = filepath.Join(filepath.Dir(n.File), text)
	}
	return errs
}

// JSONSchema says that it is text.
func (f *StoreFile) JSONSchema() map[string]any { return map[string]any{"type": "string"} }

// SchemaKind is the type's name in the reference.
func (f *StoreFile) SchemaKind() string { return "name of a file" }
