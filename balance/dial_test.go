package balance

import (
	"net"
	"runtime"
	"syscall"
	"testing"
	"time"

	"sallyport/telemetry"
)

// On the network, connections have the options that find out about a peer that vanished.
func TestDialTCP(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the numbers of the options are those of Linux")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := dialTCP(l.Addr().String(), time.Now().Add(5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	const keepIdle, keepInterval = 4, 5
	for name, o := range map[string]struct{ level, option, want int }{
		"TCP_USER_TIMEOUT": {syscall.IPPROTO_TCP, 18, 30_000},
		"TCP_KEEPIDLE":     {syscall.IPPROTO_TCP, keepIdle, 15},
		"TCP_KEEPINTVL":    {syscall.IPPROTO_TCP, keepInterval, 15},
		"TCP_NODELAY":      {syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1},
		"SO_KEEPALIVE":     {syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
	} {
		var got int
		_ = raw.Control(func(fd uintptr) { got, err = syscall.GetsockoptInt(int(fd), o.level, o.option) })
		if err != nil || got != o.want {
			t.Errorf("%s is %d, want %d (%v)", name, got, o.want, err)
		}
	}
}

// All targets down on real sockets: the answer does not take 10 ms. A machine that is busy with something else gets three
// tries.
func TestAllTargetsDownIsTold(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := l.Addr().String()
	_ = l.Close()
	r := NewRegistry(Options{Metrics: telemetry.NewMetrics("test")})
	defer r.Close()
	s := r.Prepare(map[string]*Config{"shop": settings(t, "targets: ['http://"+free+"/a', 'http://"+free+"/b']")})
	s.Commit()
	get(s.Upstream("shop")) // finds out
	took := time.Hour
	for range 3 {
		a := get(s.Upstream("shop"))
		if a.problem() != "no_healthy_target" {
			t.Fatal(a.err)
		}
		took = min(took, a.took)
	}
	if took > 10*time.Millisecond {
		t.Errorf("the answer took %v", took)
	}
}
