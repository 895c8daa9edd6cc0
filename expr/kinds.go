package expr

// What the reference and the JSON Schema say of settings that are expressions.

// scalars are what a scalar of a document may be; a number or boolean is an expression as well.
func scalars() map[string]any { return map[string]any{"type": []any{"string", "number", "boolean"}} }

// SchemaKind names the type in the reference.
func (Expr) SchemaKind() string { return "expression" }

// JSONSchema describes the type for editors.
func (Expr) JSONSchema() map[string]any { return scalars() }

const withExpressions = "string, ${…} allowed"

// SchemaKind names the type in the reference.
func (Template) SchemaKind() string { return withExpressions }

// JSONSchema describes the type for editors.
func (Template) JSONSchema() map[string]any { return scalars() }

// SchemaKind names the type in the reference.
func (urlTemplate) SchemaKind() string { return withExpressions }

// JSONSchema describes the type for editors.
func (urlTemplate) JSONSchema() map[string]any { return scalars() }

// SchemaKind names the type in the reference.
func (JSON) SchemaKind() string { return "any value, ${…} allowed" }

// JSONSchema describes the type for editors.
func (JSON) JSONSchema() map[string]any { return map[string]any{} }
