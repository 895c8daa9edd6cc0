package fault

import (
	"errors"
	"fmt"
	"time"

	"sallyport/schema"
	"sallyport/wire"
)

// Config is what the document says.
type Config struct {
	Delay    *Delay         `json:"delay" doc:"Holds requests back before they go on."`
	Abort    *Abort         `json:"abort" doc:"Answers requests with an error instead of letting them go on, after the delay if there is one."`
	Header   string         `json:"header" default:"" doc:"A header field by which requests may ask for faults themselves, such as X-Fault with the values delay=250ms, abort=503, reset, or several of them with commas between; without this setting none can. The field goes no further."`
	MaxDelay *time.Duration `json:"max_delay" min:"1ms" max:"5m" doc:"The longest delay that the header may ask for; 10s when it is not given."`
}

// Delay is how long requests are held back, and which.
type Delay struct {
	For     time.Duration  `json:"for" short:"true" min:"1ms" max:"5m" doc:"How long a request is held back; with up_to the least."`
	UpTo    *time.Duration `json:"up_to" max:"5m" doc:"The most that a request is held back; how long each is, between the two, is left to chance."`
	Percent schema.Percent `json:"percent" default:"100%" doc:"Share of the requests that are held back, by chance."`
}

// Abort is how requests fail, and which.
type Abort struct {
	Status  *int           `json:"status" short:"true" min:"400" max:"599" doc:"The status of the answer, which is the problem fault_injected."`
	Reset   bool           `json:"reset" doc:"Breaks the client's connection, or in HTTP/2 the stream, in place of an answer."`
	Percent schema.Percent `json:"percent" default:"100%" doc:"Share of the requests that fail, by chance."`
}

const defaultMaxDelay = 10 * time.Second

// Check judges the settings together.
func (c *Config) Check() error {
	var errs []error
	wrong := func(setting, format string, args ...any) {
		errs = append(errs, schema.At(setting, fmt.Errorf(format, args...)))
	}
	if c.Delay == nil && c.Abort == nil && c.Header == "" {
		errs = append(errs, errors.New("it does nothing; give delay, abort or header"))
	}
	switch {
	case c.Header == "":
	case !wire.ValidToken(c.Header):
		wrong("header", "%q is no header name; write one such as X-Fault", c.Header)
	case wire.Managed(c.Header):
		wrong("header", "clients may not say %s; write another name, such as X-Fault", c.Header)
	}
	if c.MaxDelay != nil && c.Header == "" {
		wrong("max_delay", "it has no effect without header")
	}
	return errors.Join(errs...)
}

// Check judges the settings together.
func (d *Delay) Check() error {
	if d.UpTo != nil && *d.UpTo <= d.For {
		return schema.At("up_to", errors.New("it is not more than for"))
	}
	return nil
}

// Check judges the settings together.
func (a *Abort) Check() error {
	switch {
	case a.Status == nil && !a.Reset:
		return errors.New("give a status, or reset: true")
	case a.Status != nil && a.Reset:
		return schema.At("reset", errors.New("a status is given as well; keep one of the two"))
	}
	return nil
}
