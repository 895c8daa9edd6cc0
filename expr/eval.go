package expr

// Trying expressions out: sallyport eval.

import (
	"io"
	"os"

	"sallyport/schema"
)

// Eval compiles and evaluates an expression that may use every variable, response included. The environment and files are those
// of the process.
func Eval(src string, v Vars) (any, error) {
	src, _ = unbraced(src)
	e, err := Compile(src, Any, OnResponse(), From(&schema.Outside{Lookup: os.LookupEnv, ReadFile: ReadFile}, "."))
	if err != nil {
		return nil, err
	}
	return e.Value(v)
}

// ReadFile reads a file for file("…"), and no more than it takes to see that one is too large.
func ReadFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}
