package routetest

import (
	"testing"

	"sallyport/test/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }
