package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A process is a contender, or the backend, that was started here and is stopped by its own id.
type process struct {
	cmd *exec.Cmd
}

// start starts a program on one core and waits until its port is open.
func start(dir, name, core string, port int, args []string) (*process, error) {
	cmd := exec.Command("taskset", slices.Concat([]string{"-c", core}, priority, args)...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := os.Create(filepath.Join(dir, strings.ReplaceAll(strings.ReplaceAll(name, "/", "-"), " ", "-")+".log"))
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd}
	for range 100 {
		if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return p, c.Close()
		}
		time.Sleep(100 * time.Millisecond)
	}
	p.stop()
	return nil, fmt.Errorf("%s does not listen on port %d; see %s", name, port, out.Name())
}

func (p *process) stop() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	_ = p.cmd.Wait()
}

// A sample is what one run told.
type sample struct {
	cpu      float64 // µs of the process a request
	user     float64 // that of them outside of the kernel
	rate     float64 // requests a second
	p50, p99 float64 // ms
	rss      float64 // MiB
}

var headers = []string{
	"Host: api.example.com", "User-Agent: Mozilla/5.0 (X11; Linux x86_64)", "Accept: application/json, text/plain, */*", "Accept-Language: en-US,en;q=0.9",
}

// load runs wrk against a port.
func load(dir string, k kase, port int, p *process, seconds int) (sample, error) {
	args := slices.Concat([]string{"-c", "1"}, priority, []string{"wrk", "-t1", "-c" + strconv.Itoa(k.conns), fmt.Sprintf("-d%ds", seconds), "--latency", "--timeout", "5s"})
	for _, h := range slices.Concat(headers, k.headers) {
		args = append(args, "-H", h)
	}
	if k.post {
		script := filepath.Join(dir, "post.lua")
		if err := os.WriteFile(script, []byte("wrk.method = \"POST\"\nwrk.body = string.rep(\"a\", 10240)\n"), 0o644); err != nil {
			return sample{}, err
		}
		args = append(args, "-s", script)
	}
	scheme := "http"
	if k.tls {
		scheme, port = "https", port+secure
	}
	args = append(args, fmt.Sprintf("%s://127.0.0.1:%d%s", scheme, port, k.path))
	before := usage(p.cmd.Process.Pid)
	out, err := exec.Command("taskset", args...).CombinedOutput()
	if err != nil {
		return sample{}, fmt.Errorf("%w: %s", err, out)
	}
	after := usage(p.cmd.Process.Pid)
	s, n, err := parse(string(out))
	if err != nil {
		return s, err
	}
	s.uses(before, after, n)
	return s, nil
}

var (
	count    = regexp.MustCompile(`(\d+) requests in`)
	rate     = regexp.MustCompile(`Requests/sec:\s+([\d.]+)`)
	latency  = regexp.MustCompile(`(?m)^\s+(50|99)%\s+([\d.]+)(us|ms|s)`)
	failures = regexp.MustCompile(`Non-2xx or 3xx responses: \d+|Socket errors: .*`)
)

// parse reads what wrk printed. A run with failures is no run.
func parse(out string) (s sample, n float64, err error) {
	if f := failures.FindString(out); f != "" {
		return s, 0, errors.New(f)
	}
	m := count.FindStringSubmatch(out)
	if m == nil {
		return s, 0, fmt.Errorf("no result: %s", out)
	}
	n, _ = strconv.ParseFloat(m[1], 64)
	if m := rate.FindStringSubmatch(out); m != nil {
		s.rate, _ = strconv.ParseFloat(m[1], 64)
	}
	for _, m := range latency.FindAllStringSubmatch(out, -1) {
		v, _ := strconv.ParseFloat(m[2], 64)
		v *= map[string]float64{"us": 1e-3, "ms": 1, "s": 1e3}[m[3]]
		if m[1] == "50" {
			s.p50 = v
		} else {
			s.p99 = v
		}
	}
	if n == 0 {
		return s, 0, errors.New("no request was answered")
	}
	return s, n, nil
}

// A use is what a process took so far.
type use struct {
	user, system float64 // µs, of all its threads
	rss          float64 // MiB resident
}

func usage(pid int) (u use) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u
	}
	f := strings.Fields(string(b)[strings.LastIndexByte(string(b), ')')+2:])
	const tick = 10_000 // Linux counts in hundredths of a second
	u.user, _ = strconv.ParseFloat(f[11], 64)
	u.system, _ = strconv.ParseFloat(f[12], 64)
	pages, _ := strconv.ParseFloat(f[21], 64)
	return use{u.user * tick, u.system * tick, pages * float64(os.Getpagesize()) / (1 << 20)}
}

// uses takes up what n requests took.
func (s *sample) uses(before, after use, n float64) {
	s.user = (after.user - before.user) / n
	s.cpu = s.user + (after.system-before.system)/n
	s.rss = after.rss
}
