package route

import "sallyport/schema"

// What the reference says of the settings of a match.

// SchemaKind names the type in the reference.
func (m *Match) SchemaKind() string { return "match" }

// SchemaType lists the settings of a match that is a map.
func (m *Match) SchemaType() *schema.Type { return settingsType }

// SchemaKind names the type in the reference.
func (p *Pattern) SchemaKind() string { return "path" }

// SchemaKind names the type in the reference.
func (c *Conditions) SchemaKind() string { return "map of conditions" }
