package telemetry

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"sallyport/schema"
)

func decode(text string) (c Config, err error) {
	n, errs := schema.Parse("sallyport.yaml", []byte(text))
	if len(errs) == 0 {
		errs = schema.Of[Config]().Decode(n, &c, "telemetry")
	}
	if len(errs) > 0 {
		return c, errs
	}
	return c, nil
}

func TestConfig(t *testing.T) {
	c, err := decode("{}")
	if err != nil || c.AccessLog.Path != "stdout" || c.AccessLog.Sample != 100 || c.AccessLog.Fields != nil || c.Log != (LogConfig{"info", "text"}) {
		t.Errorf("the defaults are %+v, %v", c, err)
	}
	c, err = decode("access_log: off")
	if err != nil || c.AccessLog.Path != "off" {
		t.Errorf("got %+v, %v", c, err)
	}
	c, err = decode("access_log: { path: /var/log/access.log, fields: [time, status], when: response.status >= 400, sample: 12.5% }\nlog: { level: debug, format: json }")
	if err != nil || c.AccessLog.Sample.Ratio() != 0.125 || len(c.AccessLog.Fields) != 2 || c.AccessLog.When.Text != "response.status >= 400" || c.Log != (LogConfig{"debug", "json"}) {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestConfigErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"access_log: { fields: [cookie] }", "telemetry.access_log.fields[0]"},
		{"access_log: { sample: 101% }", "telemetry.access_log.sample"},
		{"access_log: { pth: x }", `"path"`},
		{"access_log: { path: '' }", "telemetry.access_log.path"},
		{"otlp: {}", "not yet"},
		{"traces: {}", "not yet"},
		{"analytics: {}", "not yet"},
		{"log: { level: loud }", "telemetry.log.level"},
	} {
		if _, err := decode(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s in it", c.text, err, c.want)
		}
	}
}

func TestLogger(t *testing.T) {
	out := new(bytes.Buffer)
	log := NewLogger(out, "warn", "json")
	log.Info("not this")
	log.Warn("this", "n", 1)
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got["msg"] != "this" || got["level"] != "WARN" {
		t.Errorf("got %s, %v", out, err)
	}
	out.Reset()
	NewLogger(out, "debug", "text").Debug("this")
	if !strings.Contains(out.String(), "level=DEBUG msg=this") {
		t.Errorf("got %s", out)
	}
	if NewLogger(out, "info", "text").Enabled(t.Context(), slog.LevelDebug) {
		t.Error("info must leave debug out")
	}
}
