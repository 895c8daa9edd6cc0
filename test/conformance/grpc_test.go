package conformance

import (
	"net"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// cases are those of the interoperability tests of gRPC that need no account with anybody.
var cases = []string{
	"empty_unary", "large_unary", "client_streaming", "server_streaming", "ping_pong", "empty_stream", "timeout_on_sleeping_server",
	"cancel_after_begin", "cancel_after_first_response", "status_code_and_message", "special_status_message", "custom_metadata",
	"unimplemented_method", "unimplemented_service",
}

func TestGRPC(t *testing.T) {
	client := tool(t, "google.golang.org/grpc/interop/client", grpcVersion)
	server := tool(t, "google.golang.org/grpc/interop/server", grpcVersion)
	port := freePort(t)
	c := exec.Command(server, "--port", port)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	await(t, "127.0.0.1:"+port)
	g, err := start(document(`{ address: "127.0.0.1:0", protocols: [h2c] }`, "h2c://127.0.0.1:"+port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	_, door, err := net.SplitHostPort(g.Addresses()[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range cases {
		t.Run(name, func(t *testing.T) {
			if said, ok := run(t, client, "--server_host", "127.0.0.1", "--server_port", door, "--test_case", name); !ok {
				t.Error(tail(said))
			}
		})
	}
}

func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// await waits until somebody listens.
func await(t *testing.T, address string) {
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			return
		}
	}
	t.Fatalf("nobody listens on %s", address)
}
