package balance

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A file of targets is followed; what is wrong in it changes nothing and is told with its place.
func TestTargetFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "targets.yaml")
	put := func(text string) {
		if err := os.WriteFile(name+".next", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(name+".next", name); err != nil {
			t.Fatal(err)
		}
	}
	put("- http://10.0.0.1\n- { url: 'http://10.0.0.2', weight: 3, tags: [new] }\n")
	synctest.Test(t, func(t *testing.T) {
		w, b := named(t)
		b.set("shop", "10.0.0.7", "10.0.0.8")
		doc := fmt.Sprintf("discover: {file: %q}", name)
		u := w.shop(doc)
		if got := targets(u); got != "10.0.0.1:80*1 10.0.0.2:80*3" {
			t.Errorf("at the start: %s", got)
		}
		for _, c := range []struct{ text, want, says string }{
			{"[http://10.0.0.3]", "10.0.0.3:80*1", ""},
			{"", "10.0.0.3:80*1", "the document is empty"},
			{"targets: [http://10.0.0.4]", "10.0.0.3:80*1", "a map is given where a list of targets is wanted"},
			{"- http://10.0.0.4\n- ftp://10.0.0.5\n", "10.0.0.3:80*1", "targets.yaml:2:3: [1].url: "},
			{"- http://10.0.0.4\n-\n x: [\n", "10.0.0.3:80*1", "targets.yaml:"},
			{"- http://10.0.0.4\n- http://10.0.0.4/\n", "10.0.0.3:80*1", "targets.yaml:2:3: [1]: it is the same as [0]"},
			{`["http://10.0.0.4", {"url": "http://shop:81"}]`, "10.0.0.4:80*2 10.0.0.7:81*1 10.0.0.8:81*1", ""},
			{"[]", "", ""},
			{"- http://10.0.0.1", "10.0.0.1:80*1", ""},
		} {
			put(c.text)
			w.log.Reset()
			spent(6 * time.Second)
			if got := targets(u); got != c.want {
				t.Errorf("%q: got %s, want %s", c.text, got, c.want)
			}
			if c.says != "" && !strings.Contains(w.log.String(), c.says) {
				t.Errorf("%q: the log is\n%s", c.text, w.log.String())
			}
		}
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		spent(48 * time.Hour)
		if got := targets(u); got != "10.0.0.1:80*1" {
			t.Errorf("without the file: %s", got)
		}
		put("- http://10.0.0.2")
		w.registry.Reread()
		synctest.Wait()
		if got := targets(u); got != "10.0.0.2:80*1" {
			t.Errorf("when told to look: %s", got)
		}
		if got := w.registry.Files(); !slices.Equal(got, []string{name}) {
			t.Errorf("the files are %v", got)
		}
	})
}

// Kubernetes swaps a link beside the file.
func TestTargetFileBehindLinks(t *testing.T) {
	dir := t.TempDir()
	for i, text := range []string{"- http://10.0.0.1", "- http://10.0.0.2"} {
		if err := os.Mkdir(filepath.Join(dir, fmt.Sprint("v", i)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint("v", i), "targets.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to string) {
		_ = os.Symlink(to, filepath.Join(dir, "..next"))
		_ = os.Rename(filepath.Join(dir, "..next"), filepath.Join(dir, "..data"))
	}
	link("v0")
	name := filepath.Join(dir, "targets.yaml")
	if err := os.Symlink(filepath.Join("..data", "targets.yaml"), name); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		w, _ := named(t)
		u := w.shop(fmt.Sprintf("discover: {file: %q}", name))
		link("v1")
		spent(6 * time.Second)
		if got := targets(u); got != "10.0.0.2:80*1" {
			t.Errorf("%s", got)
		}
	})
}
