package test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// owners says which package imports which outside library. What two packages need is imported by the one that owns the idea, and
// the other asks it. A new library needs a line here and a reason in docs/decisions/.
var owners = map[string]string{
	"cel.dev/cel-go":                           "expr",
	"github.com/aws/aws-lambda-go":             "test/functions/lambda",
	"github.com/aws/aws-sdk-go-v2":             "aws",
	"github.com/aws/aws-sdk-go-v2/config":      "aws",
	"github.com/aws/smithy-go":                 "aws",
	"github.com/cespare/xxhash/v2":             "store",
	"github.com/fsnotify/fsnotify":             "gateway",
	"github.com/go-jose/go-jose/v4":            "policies/jwt",
	"github.com/go-json-experiment/json":       "policies/jsonlimits",
	"github.com/zitadel/oidc/v3":               "", // tests only
	"golang.org/x/crypto":                      "identity",
	"modernc.org/sqlite":                       "store/sqlite",
	"github.com/gaissmai/bart":                 "policies/ipfilter",
	"github.com/maypok86/otter/v2":             "store",
	"github.com/miekg/dns":                     "wire/dns test/dnsstub",
	"github.com/prometheus/client_golang":      "telemetry",
	"github.com/prometheus/client_model":       "telemetry",
	"github.com/prometheus/common":             "telemetry",
	"github.com/spf13/cobra":                   "cmd/sallyport",
	"github.com/spf13/pflag":                   "cmd/sallyport",
	"go.uber.org/goleak":                       "test/leak",
	"go.yaml.in/yaml/v4":                       "schema",
	"golang.org/x/sys":                         "gateway process wire/h1 bench/*",
	"golang.org/x/tools":                       "test",
	"google.golang.org/protobuf":               "expr telemetry",
	"github.com/santhosh-tekuri/jsonschema/v6": "policies/validate",
	"github.com/coder/websocket":               "", // tests only
	"github.com/google/go-cmp":                 "", // tests only
	"github.com/rogpeppe/go-internal":          "", // tests only
}

// forbidden may not be imported by anything but tests; why stands behind each.
var forbidden = map[string]string{
	"text/template":            "it keeps the linker from dropping unused methods of the whole program",
	"html/template":            "it keeps the linker from dropping unused methods of the whole program",
	"plugin":                   "it keeps the linker from dropping unused methods of the whole program",
	"encoding/gob":             "no format of ours",
	"net/http/pprof":           "it registers itself on the default mux when imported",
	"expvar":                   "it registers itself on the default mux when imported",
	"log":                      "log/slog is the log",
	"math/rand":                "math/rand/v2 is meant",
	"io/ioutil":                "package io and os have it",
	"gopkg.in/yaml.v3":         "schema reads YAML, with go.yaml.in/yaml/v4",
	"gopkg.in/yaml.v2":         "schema reads YAML, with go.yaml.in/yaml/v4",
	"github.com/google/cel-go": "cel.dev/cel-go is where it lives now",
}

// only says which packages of ours may import a package of the standard library.
var only = map[string]string{
	"reflect":          "schema",
	"testing":          "routetest test/leak test/dnsstub", // for the bubbles of testing/synctest, see decision 0037
	"testing/synctest": "routetest",
	"unsafe":           "wire wire/h1 wire/socket telemetry",
}

func TestImports(t *testing.T) {
	for _, s := range sources(t) {
		for _, i := range s.imports() {
			switch {
			case s.test() || floorOf(s.folder()) == len(floors)-1:
			case forbidden[i] != "":
				t.Errorf("%s imports %s: %s", s.path, i, forbidden[i])
			case only[i] != "" && !slices.Contains(strings.Fields(only[i]), s.folder()):
				t.Errorf("%s imports %s, which is for %s only", s.path, i, only[i])
			}
			if first, _, _ := strings.Cut(i, "/"); strings.Contains(first, ".") {
				outside(t, s, i)
			}
		}
	}
}

// outside checks the import of a library.
func outside(t *testing.T, s *source, i string) {
	t.Helper()
	for lib, owner := range owners {
		if i != lib && !strings.HasPrefix(i, lib+"/") {
			continue
		}
		if !s.test() && !slices.ContainsFunc(strings.Fields(owner), func(o string) bool {
			ok, _ := filepath.Match(o, s.folder())
			return ok
		}) {
			t.Errorf("%s imports %s, which belongs to %q", s.path, i, owner)
		}
		return
	}
	t.Errorf("%s imports %s, which nobody owns; see owners", s.path, i)
}

// What go.mod requires for itself must be what owners names.
func TestEveryLibraryIsOwned(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	direct := regexp.MustCompile(`(?m)^\s*([\w.-]+\.[\w.-]+/\S+) v\S+$`).FindAllStringSubmatch(string(mod), -1)
	for _, m := range direct {
		if _, ok := owners[m[1]]; !ok {
			t.Errorf("go.mod requires %s, which nobody owns; see owners", m[1])
		}
	}
}
