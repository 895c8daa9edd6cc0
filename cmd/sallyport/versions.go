package main

import (
	"io"
	"strconv"

	"sallyport/gateway"
)

// This file shows the versions of apis to people.

func printVersions(w io.Writer, all []gateway.VersionStatus) {
	var rows [][]string
	for _, v := range all {
		rows = append(rows, []string{v.API, v.Name, versionState(&v), strconv.FormatUint(v.Requests, 10)})
	}
	if len(rows) > 0 {
		head := []string{"API", "VERSION", "STATE", "REQUESTS"}
		_, _ = io.WriteString(w, "\n")
		table(w, head, fit(head, rows, 0, 1))
	}
}

// versionState says in a few words how a version is.
func versionState(v *gateway.VersionStatus) string {
	state := "current"
	switch {
	case v.Gone:
		state = "gone"
	case v.Deprecated != nil:
		state = "deprecated"
	}
	if v.Sunset != nil {
		state += ", sunset " + v.Sunset.UTC().Format("2006-01-02")
	}
	return state + between(v.Default, ", default")
}
