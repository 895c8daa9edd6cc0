package balance

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"sallyport/schema"
)

var targetsType = schema.Of[[]Target]()

// readTargets reads a file of targets.
func readTargets(name string) (finding, error) {
	f, err := schema.Open(name)
	if err != nil {
		return finding{}, plainly(name, err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return finding{}, plainly(name, err)
	}
	data, err := io.ReadAll(io.LimitReader(f, schema.MaxDocument+1))
	if err != nil {
		return finding{}, plainly(name, err)
	}
	list, err := parseTargets(name, data)
	return finding{targets: list, info: info, text: string(data)}, err
}

// plainly says why a file cannot be read.
func plainly(name string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return fmt.Errorf("%s cannot be read: %w", name, err)
}

// parseTargets reads a list of targets. An empty file is one that is being written; an empty list is meant.
func parseTargets(name string, data []byte) ([]Target, error) {
	n, errs := schema.Parse(name, data)
	if len(errs) > 0 {
		return nil, errs
	}
	if n == nil || n.Kind != schema.List {
		kind := "nothing"
		if n != nil && n.Kind != schema.Null {
			kind = n.Kind.String()
		}
		errs.Add(n, "", "%s is given where a list of targets is wanted; write [] for none", kind)
		if n == nil {
			errs[0].Pos = schema.Pos{File: name, Line: 1, Col: 1}
		}
		return nil, errs
	}
	var list []Target
	if errs = targetsType.Decode(n, &list, ""); len(errs) > 0 {
		return nil, errs
	}
	if len(list) > maxTargets {
		errs.Add(n, "", "there are %d targets; the most is %d", len(list), maxTargets)
	}
	seen := map[string]int{}
	for i := range list {
		same := list[i].text()
		if first, twice := seen[same]; twice {
			errs.Add(n.Items[i], schema.Index("", i), "it is the same as [%d]; give one of them more weight instead", first)
		}
		seen[same] = i
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return list, nil
}
