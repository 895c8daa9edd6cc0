package test

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// floors says who may import whom: a package imports packages of lower floors only, and those of one floor do not know
// each other. A build that breaks this is mended by moving the thing that is needed, not by a line here; only a new folder
// needs one.
var floors = []string{
	"problem schema lint jsonspan wire wire/proxyproto wire/socket wire/memnet process test/leak test/dnsstub test/attackrun test/selfsigned test/signed test/faults",
	"wire/dns wire/h1 wire/h2 certs xmlmap",
	"policy expr store telemetry",
	"identity store/sqlite fetch function/event aws",
	"function",
	"function/invoke",
	"plug per origin mirror route rewrite balance",
	"policies/* backends/* sources/*",
	"config policies backends sources",
	"gateway",
	"admin demo importer routetest",
	"cmd/sallyport",
	"test test/functions/lambda bench bench/* docs docs/* examples/*",
}

// floorOf returns the floor of a folder, -1 for none.
func floorOf(folder string) int {
	return slices.IndexFunc(floors, func(line string) bool {
		return slices.ContainsFunc(strings.Fields(line), func(pattern string) bool {
			ok, _ := path.Match(pattern, folder)
			return ok
		})
	})
}

func TestFloors(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() {
			continue
		}
		floor := floorOf(s.folder())
		if floor < 0 {
			t.Errorf("%s stands on no floor; add its folder to floors", s.path)
			continue
		}
		for _, i := range s.imports() {
			to, ours := strings.CutPrefix(i, module)
			if ours && to != s.folder() && floorOf(to) >= floor {
				t.Errorf("%s imports %s, which is not below it", s.path, to)
			}
		}
	}
}
