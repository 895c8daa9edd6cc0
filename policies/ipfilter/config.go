package ipfilter

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"sallyport/fetch"
	"sallyport/schema"
)

// Config is what the document says.
type Config struct {
	Allow []netip.Prefix `json:"allow" one:"true" doc:"Networks and addresses that are let in; when there are any, nobody else is."`
	Deny  []netip.Prefix `json:"deny" one:"true" doc:"Networks and addresses that are kept out, also when they are allowed."`
	File  []File         `json:"file" one:"true" max:"20" doc:"Files with more of them, read again when they change: one a line, # and ; begin comments; with allow or deny in front, otherwise it extends allow if that alone is set, and deny if not."`
	Feeds []Feed         `json:"feeds" one:"true" max:"20" doc:"Lists that others publish, one network or address a line; # and ; begin comments."`
}

// A Feed is a list that is fetched.
type Feed struct {
	URL          string        `json:"url" short:"true" doc:"Where it is fetched from, by https as a rule. Redirects are not followed."`
	List         string        `json:"list" enum:"deny,allow" default:"deny" doc:"Whether who is in it is kept out or let in; of allow, nobody else is let in."`
	Interval     time.Duration `json:"interval" default:"1h" min:"10s" max:"7d" doc:"How often it is looked at again. A fetch that fails is tried again after a second, then ever later; the last good list holds meanwhile."`
	Timeout      time.Duration `json:"timeout" default:"30s" min:"1s" max:"5m" doc:"How long a fetch may take."`
	MaxSize      schema.Size   `json:"max_size" default:"16MiB" min:"1KiB" max:"64MiB" doc:"The largest list that is taken."`
	UntilFetched string        `json:"until_fetched" enum:"refuse,pass" default:"refuse" doc:"What happens before it could be fetched for the first time: requests wait for it for two seconds and are then refused with 503, or pass as if nobody were in it."`
}

// Check wants something to filter by.
func (c *Config) Check() error {
	var errs []error
	if len(c.Allow)+len(c.Deny)+len(c.File)+len(c.Feeds) == 0 {
		errs = append(errs, errors.New("it filters nothing; give allow, deny, file or feeds"))
	}
	for i, f := range c.Feeds {
		at := schema.Index("feeds", i)
		if err := fetch.Check(f.URL); err != nil {
			errs = append(errs, schema.At(at+".url", err))
		}
		if f.List == "allow" && f.UntilFetched == "pass" {
			errs = append(errs, schema.At(at+".until_fetched", errors.New("everybody would be let in until it is known who may; leave it out")))
		}
		for j, other := range c.Feeds[:i] {
			if other.URL == f.URL {
				errs = append(errs, schema.At(at, fmt.Errorf("feeds[%d] is the same", j)))
			}
		}
	}
	return errors.Join(errs...)
}

// A File is the name of a file.
type File struct {
	name string // as it is written
	path string
}

// UnmarshalNode takes the name of a file, from the folder of the document unless it says another. The file is no part of the document: it
// may change while the document does not, and the other way round.
func (f *File) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	if n.Kind == schema.List || n.Kind == schema.Map || n.Text == "" || !n.Literal && strings.Contains(n.Text, "${") {
		errs.Add(n, path, "write the name of a file; it cannot depend on requests")
		return errs
	}
	f.name, f.path = n.Text, besides(n)
	return nil
}

// JSONSchema says that it is text.
func (f *File) JSONSchema() map[string]any { return map[string]any{"type": "string"} }

// SchemaKind is the type's name in the reference.
func (f *File) SchemaKind() string { return "name of a file" }
