package function

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sallyport/schema"
)

// A Config is the settings of one function.
type Config struct {
	Runtime     string                   `json:"runtime" default:"" enum:"python,node,provided" doc:"What runs it: python and node are the python3 and node of the machine, with a runner of ours; provided is a program of its own that speaks the AWS Lambda Runtime API, as those do that are made with aws-lambda-go. Needed unless there is aws."`
	Directory   Directory                `json:"directory" default:"" doc:"The folder of its code. When something in it changes, the next requests go to processes with the new code. Needed unless there is aws."`
	Handler     string                   `json:"handler" default:"" doc:"What is called: file and function, such as app.lambda_handler; with provided the name of the program in the folder, bootstrap when it is not given."`
	Timeout     time.Duration            `json:"timeout" default:"29s" min:"1ms" max:"15m" doc:"How long a call may take. Then the request is answered 504, and the process killed; one that runs in AWS has a timeout of its own there."`
	Startup     time.Duration            `json:"startup" default:"10s" min:"10ms" max:"15m" doc:"How long a process may take until it asks for its first event."`
	Concurrency int                      `json:"concurrency" default:"4" min:"1" max:"1000" doc:"Processes at most; each has one call at a time."`
	Min         int                      `json:"min" default:"0" min:"0" max:"1000" doc:"Processes that are kept ready also when there is nothing to do."`
	Idle        time.Duration            `json:"idle" default:"10m" min:"1s" max:"1d" doc:"How long a process beyond min may have nothing to do until it is ended."`
	MaxPending  int                      `json:"max_pending" default:"100" min:"0" max:"100000" doc:"Calls that wait for a process at most; further ones are answered 503 overloaded."`
	Memory      schema.Size              `json:"memory" default:"512MiB" doc:"Memory that a process may hold, looked at every second; one that holds more is killed. none for no bound."`
	Env         map[string]schema.Secret `json:"env" doc:"Environment variables of the processes, beside those that AWS sets. Of the gateway's own they get PATH and TMPDIR only."`

	AWS *AWS `json:"aws" doc:"A function that runs in AWS, in place of runtime and directory. Beside it only timeout may stand."`
}

// BesideAWS are the settings that count for a function in AWS.
var BesideAWS = []string{"aws", "timeout"}

// Check judges the settings together.
func (c *Config) Check() error {
	switch {
	case c.AWS != nil:
		return nil // it judges itself
	case c.Runtime == "" && c.Directory.Path == "":
		return errors.New("it does not say what runs; write runtime, directory and handler for a function that the gateway runs, aws for one in AWS")
	case c.Runtime == "":
		return errors.New(`"runtime" is missing; write python, node or provided`)
	case c.Directory.Path == "":
		return errors.New(`"directory" is missing; write the folder of the function's code`)
	}
	var errs []error
	file, name, dotted := cutLast(c.Handler)
	switch {
	case c.Runtime == "provided":
		if h := c.Handler; h != "" && (h != filepath.Base(h) || h == "." || h == "..") {
			errs = append(errs, schema.At("handler", fmt.Errorf("%q is no name of a program in the folder; write such as bootstrap", h)))
		}
	case !dotted || file == "" || name == "" || filepath.IsAbs(file) || slices.Contains(strings.Split(file, "/"), ".."):
		errs = append(errs, schema.At("handler", fmt.Errorf("%q is no file and function; write such as app.lambda_handler", c.Handler)))
	}
	if len(errs) == 0 && c.Directory.Path != "" {
		if err := c.present(); err != nil {
			errs = append(errs, schema.At("handler", err))
		}
	}
	if c.Min > c.Concurrency {
		errs = append(errs, schema.At("min", fmt.Errorf("it is more than concurrency, which is %d", c.Concurrency)))
	}
	if c.Memory != schema.Unlimited && c.Memory < 16<<20 {
		errs = append(errs, schema.At("memory", errors.New("no process can do with less than 16MiB")))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		if why := unfit(name, c.Env[name].Reveal()); why != "" {
			errs = append(errs, schema.At(schema.Join("env", name), errors.New(why)))
		}
	}
	return errors.Join(errs...)
}

// present says whether the code is there.
func (c *Config) present() error {
	at := func(name string) bool {
		info, err := os.Stat(filepath.Join(c.Directory.Path, name))
		return err == nil && !info.IsDir()
	}
	file, _, _ := cutLast(c.Handler)
	switch c.Runtime {
	case "python":
		file = strings.ReplaceAll(file, ".", "/")
		if !at(file+".py") && !at(file+"/__init__.py") {
			return fmt.Errorf("there is no file %s.py in the folder", file)
		}
	case "node":
		if !slices.ContainsFunc([]string{"", ".js", ".mjs", ".cjs"}, func(end string) bool { return at(file + end) }) {
			return fmt.Errorf("there is no file %s.js, %s.mjs or %s.cjs in the folder", file, file, file)
		}
	default:
		info, err := os.Stat(filepath.Join(c.Directory.Path, c.program()))
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			return fmt.Errorf("there is no program %s in the folder", c.program())
		}
	}
	return nil
}

// cutLast cuts at the last dot.
func cutLast(handler string) (file, name string, found bool) {
	i := strings.LastIndexByte(handler, '.')
	if i < 0 {
		return handler, "", false
	}
	return handler[:i], handler[i+1:], true
}

// reserved are the variables that say what the gateway alone knows.
var reserved = []string{"_HANDLER", "_X_AMZN_TRACE_ID", "LAMBDA_TASK_ROOT"}

func unfit(name, value string) string {
	switch {
	case name == "" || strings.ContainsAny(name, "=\x00") || strings.ContainsRune(value, 0):
		return "this is no environment variable"
	case slices.Contains(reserved, name) || strings.HasPrefix(name, "AWS_LAMBDA_"):
		return "the gateway sets this variable itself"
	}
	return ""
}

// A Directory is a folder that is there: from the folder of the document unless it says another.
type Directory struct{ Path string }

// UnmarshalNode implements schema.Unmarshaler.
func (d *Directory) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	if n.Kind == schema.List || n.Kind == schema.Map || n.Kind == schema.Null || n.Text == "" || !n.Literal && strings.Contains(n.Text, "${") {
		errs.Add(n, path, "write the name of a folder, such as functions/orders")
		return errs
	}
	if d.Path = n.Text; !filepath.IsAbs(d.Path) {
		d.Path = filepath.Join(filepath.Dir(n.File), d.Path)
	}
	d.Path, _ = filepath.Abs(d.Path)
	if at, err := os.Stat(d.Path); err != nil || !at.IsDir() {
		errs.Add(n, path, "there is no folder %s; names are relative to the document's folder", n.Text)
	}
	return errs
}

// JSONSchema says that it is text.
func (d *Directory) JSONSchema() map[string]any { return map[string]any{"type": "string"} }

// SchemaKind is the type's name in the reference.
func (d *Directory) SchemaKind() string { return "name of a folder" }
