package sqlite

import (
	"os"
	"testing"

	"sallyport/test/leak"
)

// asProgram makes the test's binary one of the programs that the tests start.
const asProgram = "SALLYPORT_TEST_PROGRAM"

func TestMain(m *testing.M) {
	switch os.Getenv(asProgram) {
	case "":
		leak.Main(m)
	case "churn":
		churn(os.Args[1], os.Args[2])
	case "full":
		full(os.Args[1])
	}
}
