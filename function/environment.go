package function

import (
	_ "embed"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"sallyport/function/event"
	"sallyport/schema"
)

// This file is what a process is started as: its command and its environment.

//go:embed run.py
var runPython string

//go:embed run.mjs
var runNode string

// megabytes is the memory that a function is told to have.
func (c *Config) megabytes() int {
	if c.Memory == schema.Unlimited {
		return 10240 // the most that AWS gives
	}
	return int(c.Memory >> 20)
}

// command is what is started, in the folder of the code.
func (c *Config) command() []string {
	limit := "0"
	if c.Memory != schema.Unlimited {
		limit = strconv.FormatInt(int64(c.Memory), 10)
	}
	switch c.Runtime {
	case "python":
		return []string{"python3", "-B", "-c", runPython, limit} // -B: the folder stays as it is, and new code of the same second is not taken for that of before
	case "node":
		command := []string{"node"}
		if limit != "0" {
			command = append(command, "--max-old-space-size="+strconv.Itoa(max(c.megabytes()*3/4, 8)))
		}
		return append(command, "--input-type=module", "-e", runNode)
	}
	return []string{filepath.Join(c.Directory.Path, c.program())}
}

func (c *Config) program() string {
	if c.Handler == "" {
		return "bootstrap"
	}
	return c.Handler
}

// handler is what the process is told to call.
func (c *Config) handler() string {
	if c.Runtime == "provided" {
		return c.program()
	}
	return c.Handler
}

// passed are the variables of the gateway that go on.
var passed = []string{"PATH", "TMPDIR"}

// environment is what a process is told, but where its Runtime API is.
func (f *Function) environment(number uint64) []string {
	c := f.config
	region := event.Region
	if given, found := c.Env["AWS_REGION"]; found {
		region = given.Reveal()
	}
	env := map[string]string{
		"LANG": "C.UTF-8", "TZ": ":UTC", "LAMBDA_TASK_ROOT": c.Directory.Path, "LAMBDA_RUNTIME_DIR": c.Directory.Path, "_HANDLER": c.handler(),
		"AWS_REGION": region, "AWS_DEFAULT_REGION": region,
		"AWS_LAMBDA_FUNCTION_NAME": f.name, "AWS_LAMBDA_FUNCTION_VERSION": version, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(c.megabytes()),
		"AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/" + f.name, "AWS_LAMBDA_LOG_STREAM_NAME": strconv.FormatUint(number, 10), "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
		"AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
	}
	if c.Memory != schema.Unlimited && c.Runtime == "provided" {
		env["GOMEMLIMIT"] = strconv.FormatInt(int64(c.Memory)*9/10, 10)
	}
	for _, name := range passed {
		if value, found := os.LookupEnv(name); found {
			env[name] = value
		}
	}
	for name, value := range c.Env {
		env[name] = value.Reveal()
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}

// version is what AWS calls the newest code.
const version = "$LATEST"

// ARN is what the function is called in events.
func (f *Function) arn() string {
	region := event.Region
	if given, found := f.config.Env["AWS_REGION"]; found {
		region = given.Reveal()
	}
	return "arn:aws:lambda:" + region + ":" + event.Account + ":function:" + f.name
}
