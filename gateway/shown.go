package gateway

import (
	"bytes"
	"encoding/json"
	"log/slog"

	"sallyport/config"
	"sallyport/schema"
	"sallyport/telemetry"
)

// This file shows the document in service to those who may look, who need not be those who may know its secrets.

// A Shown is a document without its secrets.
type Shown struct {
	Source   string          `json:"source"`
	Number   uint64          `json:"number"`
	Files    []string        `json:"files"`
	Document json.RawMessage `json:"document"`
}

// Shown returns the document in service, all its files as one, nil before the first. Values from the environment and from files
// are shown as they are written, ${env.NAME}; what is or goes by the name of a secret is masked.
func (g *Gateway) Shown() *Shown {
	s := g.now.Load()
	if s == nil {
		return nil
	}
	var b bytes.Buffer
	showNode(&b, s.doc.Root, false)
	return &Shown{s.doc.Source, s.number, s.doc.Files(), b.Bytes()}
}

// masked stands where a secret would.
const masked = "***"

// showNode writes n as JSON. What stands below a name that tells a secret is hidden, as far as it is text.
func showNode(b *bytes.Buffer, n *schema.Node, hide bool) {
	switch {
	case n.Written != "":
		showText(b, n.Written)
	case n.Kind == schema.Map:
		b.WriteByte('{')
		for i, f := range n.Fields {
			if i > 0 {
				b.WriteByte(',')
			}
			showText(b, f.Name)
			b.WriteByte(':')
			showNode(b, f.Node, telemetry.SecretName(f.Name))
		}
		b.WriteByte('}')
	case n.Kind == schema.List:
		b.WriteByte('[')
		for i, item := range n.Items {
			if i > 0 {
				b.WriteByte(',')
			}
			showNode(b, item, hide)
		}
		b.WriteByte(']')
	case n.Kind == schema.Null:
		b.WriteString("null")
	case n.Secret || n.Hashed || hide:
		showText(b, masked)
	case n.Kind != schema.String && json.Valid([]byte(n.Text)):
		b.WriteString(n.Text)
	default:
		showText(b, n.Text)
	}
}

func showText(b *bytes.Buffer, text string) {
	quoted, _ := json.Marshal(text) // fails for no text
	b.Write(quoted)
}

// CheckDocument is CheckBytes with the environment of the gateway.
func (g *Gateway) CheckDocument(name string, data []byte) Report {
	doc, errs := config.Parse(name, data, g.o.outside())
	return check(doc, errs, Options{Env: g.o.Env, Version: g.o.Version, Log: slog.New(slog.DiscardHandler)}, g.people)
}
