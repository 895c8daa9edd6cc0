// Package conformance has outside judges look at the gateway: the connectrpc conformance suite, the interoperability tests of
// gRPC, h2spec. They are built from the module proxy, at the versions below, into the user's cache; their modules are none of this one's.
package conformance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/gateway"
)

const (
	connectVersion = "v1.0.7"
	grpcVersion    = "v1.76.0"
	h2specVersion  = "v2.2.1+incompatible"
)

var building sync.Mutex

// tool builds a command and returns where it is.
func tool(t *testing.T, pkg, version string) string {
	t.Helper()
	building.Lock()
	defer building.Unlock()
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	name := strings.NewReplacer("/", "-", "+", "-").Replace(pkg) + "@" + strings.ReplaceAll(version, "+", "-")
	bin := filepath.Join(cache, "sallyport-judges", name)
	built := filepath.Join(bin, path.Base(pkg))
	if _, err := os.Stat(built); err == nil {
		return built
	}
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	half := t.TempDir() // so that nobody takes what is not whole yet
	c := exec.Command("go", "install", pkg+"@"+version)
	c.Dir = half
	c.Env = append(os.Environ(), "GOBIN="+half, "GOFLAGS=", "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s cannot be built, which needs the module proxy: %v\n%s", pkg, err, out)
	}
	if err := os.Rename(filepath.Join(half, path.Base(pkg)), built); err != nil {
		data, readErr := os.ReadFile(filepath.Join(half, path.Base(pkg))) // on another file system
		if readErr != nil || os.WriteFile(built, data, 0o755) != nil {
			t.Fatal(err)
		}
	}
	return built
}

// start runs a gateway on real sockets and returns it.
func start(document string) (*gateway.Gateway, error) {
	g := gateway.New(gateway.Options{Stdout: discard{}, Stderr: os.Stderr, Version: "test"})
	if err := g.LoadBytes("config.yaml", []byte(document)); err != nil {
		g.Close()
		return nil, err
	}
	return g, nil
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// run runs a judge and returns what it said.
func run(t *testing.T, name string, args ...string) (said string, ok bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, name, args...)
	c.WaitDelay = 5 * time.Second // for whoever it leaves behind with its output open
	out, err := c.CombinedOutput()
	return string(out), err == nil || errors.Is(err, exec.ErrWaitDelay)
}

// document is one upstream behind everything.
func document(listener, target string) string {
	return fmt.Sprintf(`
listeners: [%s]
admin: off
limits: { body_size: 100MiB }
telemetry: { access_log: { path: "off" } }
upstreams: { judge: { targets: ["%s"], timeouts: { idle: 60s } } }
routes: [{ match: "/{rest...}", upstream: judge }]
`, listener, target)
}
