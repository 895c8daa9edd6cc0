package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// told are the lines of the pages in examples/ that are tried, and what comes of them. Lines that start something are none of them.
var told = map[string][]string{
	"bff": {
		`^HTTP/1.1 200 (?s:.*)\{"user":\{"id":"ada","name":"Ada Lovelace"\},"orders":\[\{"id":1,"state":"open","total":12.50\},\{"id":2,"state":"sent","total":7.00\}\]\}$`,
		`^HTTP/1.1 200 (?s:.*)\{"name":"Ada Lovelace","open":1\}$`,
		`"margin":3.10`,
		`level 1  orders: GET /orders of orders\n  level 1  user: GET`,
		`^$`,
		`^HTTP/1.1 200 (?s:.*)Sallyport-Partial: orders(?s:.*)"orders":\[\]\}$`,
	},
	"order-page": {
		`^HTTP/1.1 200 (?s:.*)Server-Timing: customer;dur=(?s:.*)"customer_id":9007199254740993(?s:.*)"customer":\{"name":"Ada Lovelace","address":\{"city":"London"\}\},` +
			`"products":\[\{"id":"cup","price":4.50\},\{"id":"tea/green","price":4.50\}\],"stock":\{"cup":3,"tea/green":0\}\}$`,
		`^HTTP/1.1 404 (?s:.*)\{"order":\{"error":"there is no order 8"\},"products":\[\]\}$`,
		`level 1  order: (?s:.*)level 2  customer: (?s:.*)level 2  stock: `,
		`^$`,
		`^HTTP/1.1 200 (?s:.*)Sallyport-Partial: stock(?s:.*)"price":4.50\}\]\}$`,
	},
	"functions": {
		`^HTTP/1.1 201 (?s:.*)\{"message": "Order created successfully."\}$`,
		`^HTTP/1.1 200 (?s:.*)\{"user": \{"id": "123", "name": "John Doe"\}\}$`,
		`^HTTP/1.1 404 (?s:.*)\{"message": "Resource not found."\}$`,
		`event: \{"version":"1.0","resource":"/\{path\+\}","path":"/user","httpMethod":"GET"(?s:.*)"queryStringParameters":\{"a":"1"\}`,
		`^$`,
		`^\{"user": \{"id": "123", "name": "Ada Lovelace"\}\}$`,
	},
	"versions": {
		`^HTTP/1.1 200 (?s:.*)"got":"GET /v2/orders/7"`,
		`^HTTP/1.1 200 (?s:.*)Deprecation: (?s:.*)Sunset: (?s:.*)Link: (?s:.*)Link: (?s:.*)"got":"GET /v1/orders/7"`,
		`^HTTP/1.1 200 (?s:.*)"got":"GET /orders/7/invoice"`,
		`^HTTP/1.1 200 (?s:.*)"got":"GET /v2/orders/export"`,
		`^HTTP/1.1 200 (?s:.*)"got":"GET /orders/export"`,
		`^HTTP/1.1 404 (?s:.*)unknown_version`,
		`^HTTP/1.1 400 `,
		`orders v3-preview +GET /orders/search version v3-preview`,
		`orders v1  by the header Api-Version(?s:.*)Sunset `,
		`^$`,
		`^HTTP/1.1 410 (?s:.*)Deprecation: (?s:.*)Sunset: (?s:.*)version_gone`,
	},
	"content": {
		`^HTTP/1.1 201 (?s:.*)Location: /orders/17(?s:.*)\{"id":17,"of":"acme"\}$`,
		`^HTTP/1.1 400 (?s:.*)"pointer":"/customer"(?s:.*)"pointer":"/lines/0/count"(?s:.*)"pointer":"/lines/0/sku"`,
		`^HTTP/1.1 200 (?s:.*)\{"orders":\[\{"id":17,"article":"AB-1"\},\{"id":18,"article":"AB-2"\}\]\}$`,
	},
	"soap": {
		`^HTTP/1.1 200 (?s:.*)\{"id":"o-17","line":\[\{"sku":"AB-1","count":2\}\],"total":19.90\}$`,
		`^HTTP/1.1 400 (?s:.*)"pointer":"/customer"(?s:.*)"pointer":"/line/0/count"(?s:.*)"pointer":"/line/0/sku"`,
	},
}

// What the pages of examples tell people to try works as they say, line by line, in a shell with curl. Only the ports are others.
func TestExamplesAsTold(t *testing.T) {
	for _, tool := range []string{"bash", "curl", "sed"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s", tool)
		}
	}
	for name, want := range told {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath("python3"); err != nil && name == "functions" {
				t.Skip("no python3")
			}
			t.Parallel()
			s := newStranger(t, name)
			for line := range strings.Lines(s.read("README.md")) {
				if line, indented := strings.CutPrefix(line, "    "); indented {
					line = strings.TrimSpace(line)
					if s.starts(line) {
						continue
					}
					if len(want) == 0 {
						t.Fatalf("nothing is wanted of %s", line)
					}
					s.tries(line, want[0])
					want = want[1:]
				}
			}
			if len(want) > 0 {
				t.Errorf("the page does not try what makes %s", want[0])
			}
		})
	}
}

// A stranger follows a page, in a copy of examples/ and in one shell.
type stranger struct {
	t      *testing.T
	folder string
	in     io.Writer
	out    *bufio.Reader
	ports  map[string]string
}

var aPort = regexp.MustCompile(`\b(8080|9\d\d\d)\b`)

func newStranger(t *testing.T, name string) *stranger {
	root := t.TempDir()
	s := &stranger{t: t, folder: filepath.Join(root, "examples", name), ports: map[string]string{}}
	for _, err := range []error{
		os.CopyFS(filepath.Join(root, "examples"), os.DirFS("../../examples")), os.Mkdir(filepath.Join(root, "bin"), 0o755), os.Symlink(os.Args[0], filepath.Join(root, "bin", "sallyport")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	files, _ := filepath.Glob(filepath.Join(s.folder, "*"))
	for _, f := range append(files, filepath.Join(root, "examples", "service.yaml")) {
		text, err := os.ReadFile(f)
		if err != nil {
			continue // a folder
		}
		out := aPort.ReplaceAllStringFunc(string(text), s.port)
		if filepath.Base(f) == "sallyport.yaml" && !strings.Contains(out, "\nadmin:") {
			out += "\nadmin: off\n"
		}
		if err := os.WriteFile(f, []byte(out), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command("bash")
	c.Dir, c.Env = root, append(os.Environ(), asMain+"=1")
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	errs, err := os.Create(filepath.Join(root, "errors"))
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = errs
	in, _ := c.StdinPipe()
	out, _ := c.StdoutPipe()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	s.in, s.out = in, bufio.NewReader(out)
	t.Cleanup(func() {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		_ = c.Wait()
		if said, _ := os.ReadFile(errs.Name()); t.Failed() {
			t.Logf("%s", said)
		}
		_ = errs.Close()
	})
	return s
}

// port is a free one in place of that of the page.
func (s *stranger) port(written string) string {
	if s.ports[written] == "" {
		_, s.ports[written], _ = net.SplitHostPort(port(s.t))
	}
	return s.ports[written]
}

func (s *stranger) read(name string) string {
	b, err := os.ReadFile(filepath.Join(s.folder, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

var (
	aRun      = regexp.MustCompile(`^(?:NAME=\w+ )?(?:PORT=(\d+) )?bin/sallyport run -c (\S+)`)
	aListener = regexp.MustCompile(`(?m)^(?:listeners:.*|  - .*):(\d+)`)
)

// starts starts a gateway, if that is what the line does, and waits until it answers.
func (s *stranger) starts(line string) bool {
	m := aRun.FindStringSubmatch(line)
	if m == nil {
		return false
	}
	at := m[1]
	if at == "" {
		at = aListener.FindStringSubmatch(s.read("../../" + m[2]))[1]
	}
	_, _ = fmt.Fprintf(s.in, "%s >>log &\n", m[0])
	for until := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", "127.0.0.1:"+at)
		if err == nil {
			_ = c.Close()
			return true
		}
		if time.Now().After(until) {
			s.t.Fatalf("%s: nobody listens at %s", line, at)
		}
	}
}

// tries does what a line says, and once more where it came too early.
func (s *stranger) tries(line, want string) {
	s.t.Helper()
	expected, got := regexp.MustCompile(want), ""
	for range 40 {
		_, _ = fmt.Fprintf(s.in, "%s\necho; echo ==done\n", line)
		var b strings.Builder
		for {
			l, err := s.out.ReadString('\n')
			if err != nil {
				s.t.Fatalf("%s: %v", line, err)
			}
			if l == "==done\n" {
				break
			}
			b.WriteString(l)
		}
		if got = strings.TrimSpace(strings.ReplaceAll(b.String(), "\r", "")); expected.MatchString(got) || !strings.HasPrefix(line, "curl") {
			break
		}
		time.Sleep(250 * time.Millisecond)
	}
	if !expected.MatchString(got) {
		s.t.Errorf("%s\n%s\nwant %s", line, got, want)
	}
}
