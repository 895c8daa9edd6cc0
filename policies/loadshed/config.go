package loadshed

import (
	"slices"
	"strings"
	"time"

	"sallyport/expr"
	"sallyport/policy"
	"sallyport/schema"
)

// Config is what the document says.
type Config struct {
	Memory   schema.Percent `json:"memory" default:"90%" min:"10%" doc:"What the gateway may need of the memory that it has, which is GOMEMLIMIT, 90 % of its control group's limit, or else the machine's; 100% for no bound."`
	Latency  time.Duration  `json:"latency" default:"100ms" max:"1m" doc:"How long what could run may wait for a core, 99 % of the time; none for no bound."`
	Inflight *int           `json:"inflight" min:"1" max:"10000000" doc:"How many requests may be under way in the whole gateway; no bound when it is not given."`
	CPU      schema.Percent `json:"cpu" default:"100%" min:"10%" doc:"What the gateway may use of the cores that it has; 100% for no bound."`
	Priority Priority       `json:"priority" default:"normal" doc:"Which requests go first: low, normal, high, critical, or an expression that makes one of these, as which anything else counts as normal. When a bound is neared, those of low are shed, beyond it more and more of normal, then of high, and critical never."`
	DryRun   bool           `json:"dry_run" doc:"Counts what would be shed, as reason dry_run of the metric sallyport_policy_denials_total, and lets it pass."`
}

// A Priority is the setting priority: a word, or an expression.
type Priority struct {
	word  string // "" for an expression
	label expr.Label
}

// classes are the words, the first to be shed first.
var classes = []string{"low", "normal", "high", "critical"}

const (
	normal   = 1
	critical = 3
)

// UnmarshalNode reads the setting out of the document.
func (p *Priority) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	if slices.Contains(classes, n.Text) {
		p.word = n.Text
		return nil
	}
	if errs = p.label.UnmarshalNode(n, path); len(errs) > 0 && strings.Trim(n.Text, "abcdefghijklmnopqrstuvwxyz") == "" {
		errs = nil
		errs.Add(n, path, "%q is no expression, and none of %s", n.Text, strings.Join(classes, ", "))
	}
	if value, constant := p.label.Constant(); constant && len(errs) == 0 {
		word, _ := value.(string)
		if slices.Contains(classes, word) {
			p.word = word
			return nil
		}
		errs.Add(n, path, "it is always the same, and none of %s", strings.Join(classes, ", "))
	}
	for _, ref := range p.label.Uses() {
		if ref.Root == "request" && ref.Field == "body" {
			errs.Add(n, path, "the body cannot decide: what is to be shed must not be read first")
			break
		}
	}
	return errs
}

// JSONSchema describes the setting for editors.
func (p *Priority) JSONSchema() map[string]any {
	return map[string]any{"type": "string", "examples": []any{"low", "normal", "high", "critical", `request.method == "GET" ? "low" : "normal"`}}
}

// SchemaKind says what the setting is, for the reference.
func (p *Priority) SchemaKind() string { return "low, normal, high, critical or an expression" }

// of returns the class of x, an index of classes.
func (p *Priority) of(x *policy.Exchange) int {
	word := p.word
	if word == "" {
		var err error
		if word, err = p.label.Text(x); err != nil {
			return normal
		}
	}
	if at := slices.Index(classes, word); at >= 0 {
		return at
	}
	return normal
}
