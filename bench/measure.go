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
	cmd := exec.Command("taskset", append([]string{"-c", core, "nice", "-n", "-10"}, args...)...)
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
	rate     float64 // requests a second
	p50, p99 float64 // ms
	rss      float64 // MiB
}

var headers = []string{
	"Host: api.example.com", "User-Agent: Mozilla/5.0 (X11; Linux x86_64)", "Accept: application/json, text/plain, */*", "Accept-Language: en-US,en;q=0.9",
}

// load runs wrk against a port.
func load(dir string, k kase, port int, p *process, seconds int) (sample, error) {
	args := []string{"-c", "1", "nice", "-n", "-10", "wrk", "-t1", "-c" + strconv.Itoa(k.conns), fmt.Sprintf("-d%ds", seconds), "--latency", "--timeout", "5s"}
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
	before, _ := usage(p.cmd.Process.Pid)
	out, err := exec.Command("taskset", args...).CombinedOutput()
	if err != nil {
		return sample{}, fmt.Errorf("%w: %s", err, out)
	}
	after, rss := usage(p.cmd.Process.Pid)
	s, n, err := parse(string(out))
	if err != nil {
		return s, err
	}
	s.cpu = float64(after-before) / 1e3 / n
	s.rss = rss
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

// usage returns the CPU time in nanoseconds of a process so far, all its threads, and its resident memory in MiB.
func usage(pid int) (cpu int64, rss float64) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0
	}
	f := strings.Fields(string(b)[strings.LastIndexByte(string(b), ')')+2:])
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	pages, _ := strconv.ParseFloat(f[21], 64)
	const tick = 10_000_000 // Linux counts in hundredths of a second
	return (user + system) * tick, pages * float64(os.Getpagesize()) / (1 << 20)
}
