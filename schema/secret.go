package schema

import "fmt"

// A Secret is text that never prints, whatever prints it.
type Secret struct {
	text *string // a pointer, since fmt shows the unexported fields of a struct that holds a Secret unexported
}

const masked = "•••"

// NewSecret makes a secret of text; the empty text is the zero Secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal returns the text, for the one place that needs it.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Empty says whether there is no secret.
func (s Secret) Empty() bool { return s.text == nil }

func (s Secret) String() string { return masked }

// GoString is for %#v.
func (s Secret) GoString() string { return masked }

// MarshalText is for JSON, slog and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }

// Format is for all verbs of fmt.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(masked)) }
