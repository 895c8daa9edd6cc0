package function

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sallyport/test/leak"
)

func TestMain(m *testing.M) {
	if os.Getenv("FUNCTION_GATEWAY") != "" {
		gateway()
		return
	}
	if what := os.Getenv("FUNCTION_CLIENT"); what != "" {
		client(what)
		return
	}
	leak.Main(m)
}

// gateway stands for a gateway that gets killed: it starts a process and tells its number.
func gateway() {
	m := &machine{log: slog.New(slog.DiscardHandler)}
	p, err := m.Start(&Start{
		Config: &Config{Directory: Directory{"."}}, Command: []string{"sleep", "60"}, Env: []string{"PATH=" + os.Getenv("PATH")},
		API: http.NotFoundHandler(), Output: func(string, string) {},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.(*process).cmd.Process.Pid)
	_ = p.Wait()
}

// Processes die with the gateway, also when that is killed and can do nothing for it.
func TestKilledWithTheGateway(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, os.Args[0])
	c.Env = append(os.Environ(), "FUNCTION_GATEWAY=1")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	pid, wrong := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || wrong != nil || !runs(pid) {
		t.Fatalf("it says %q, %v", line, err)
	}
	_ = c.Process.Kill()
	_ = c.Wait()
	for range 200 {
		if !runs(pid) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the process lives on")
}

// runs says whether a process is there and not dead already.
func runs(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(after, "Z")
}

// A process that does not end when it is asked to is killed, with what it started.
func TestEnds(t *testing.T) {
	m := &machine{log: slog.New(slog.DiscardHandler)}
	defer m.Close()
	said := make(chan string, 1)
	p, err := m.Start(&Start{
		Config: &Config{Directory: Directory{t.TempDir()}}, Command: []string{"sh", "-c", "trap '' TERM; sleep 60 & echo $!; wait; sleep 60"},
		Env: []string{"PATH=" + os.Getenv("PATH")}, API: http.NotFoundHandler(), Output: func(_, line string) { said <- line },
	})
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(<-said)
	if err != nil || p.Memory() <= 0 {
		t.Errorf("%v, it holds %d bytes", err, p.Memory())
	}
	p.End()
	if err := p.Wait(); err == nil {
		t.Error("it ended well")
	}
	for range 100 {
		if !runs(pid) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if runs(pid) {
		t.Error("what it started lives on")
	}
	p.Kill()
	p.End()
	if p.Memory() != 0 {
		t.Error("it holds memory after its end")
	}
}

// What a process leaves behind is waited for where nobody else does: in a container whose first process is the gateway.
func TestReaps(t *testing.T) {
	const setChildSubreaper = 36
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, setChildSubreaper, 1, 0); errno != 0 {
		t.Fatal(errno)
	}
	defer func() { _, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, setChildSubreaper, 0, 0) }()
	m := &machine{log: slog.New(slog.DiscardHandler)}
	defer m.Close()
	said := make(chan string, 2)
	p, err := m.Start(&Start{
		Config: &Config{Directory: Directory{t.TempDir()}}, Command: []string{"sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $!; sleep 60 >/dev/null 2>&1 & echo $!"},
		Env: []string{"PATH=" + os.Getenv("PATH")}, API: http.NotFoundHandler(), Output: func(_, line string) { said <- line },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
	for range 2 {
		if pid := <-said; exists("/proc/" + pid) {
			t.Errorf("process %s is left", pid)
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
