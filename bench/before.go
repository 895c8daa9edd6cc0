package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// This file is how a change is measured: another build of the gateway takes part, in the same rounds, on a machine that may have other work.

// How programs get their turn: more than others do or, on a machine that has other work, before all others.
var (
	priority = []string{"nice", "-n", "-10"}
	urgently = []string{"chrt", "-r", "1"}
	pause    time.Duration // after each run, in which the others have theirs
)

// earlier makes contenders of program, set up as those of cs that are compared with others, and has them take part in the same cases.
func earlier(dir, program string, cs []contender, all []kase) (more []contender) {
	for _, c := range cs {
		if c.name != "sallyport" && c.name != "jwt chain" {
			continue
		}
		was, name := c.name, c.name+" before"
		now, then := fmt.Sprintf("127.0.0.1:%d", c.port), fmt.Sprintf("127.0.0.1:%d", c.port+50)
		text := c.file[filepath.Base(c.args[len(c.args)-1])]
		text = strings.NewReplacer(now, then, fmt.Sprint(":", c.port+secure), fmt.Sprint(":", c.port+secure+50), fmt.Sprint(":", c.port+900), fmt.Sprint(":", c.port+950)).Replace(text)
		more = append(more, contender{name: name, port: c.port + 50, memo: "the build to compare with", prepare: c.prepare,
			args: []string{program, "run", "-c", filepath.Join(dir, name+".yaml")}, file: map[string]string{name + ".yaml": text}})
		for i := range all {
			if slices.Contains(all[i].only, was) {
				all[i].only = append(slices.Clip(all[i].only), name)
			}
		}
	}
	return more
}
