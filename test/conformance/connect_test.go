//go:build linux

package conformance

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// The suite starts servers itself and tells them what to be. Here it starts this test's own binary, which starts the suite's reference
// server with a gateway in front and answers with the gateway's port.

const shim = "SALLYPORT_CONFORMANCE_SERVER" // the reference server, in the environment of a shim

func TestMain(m *testing.M) {
	if server := os.Getenv(shim); server != "" {
		if err := beServer(server); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// Fields of ServerCompatRequest and ServerCompatResponse, and a value of HTTPVersion.
const (
	fieldVersion = 2
	fieldUseTLS  = 4
	fieldCreds   = 7

	fieldHost = 1
	fieldPort = 2
	fieldCert = 3

	version2 = 2
)

func beServer(server string) error {
	request, err := readMessage(os.Stdin)
	if err != nil {
		return err
	}
	var version uint64
	var secure bool
	var cert, key, plain []byte
	for rest := request; len(rest) > 0; {
		number, kind, n := protowire.ConsumeTag(rest)
		if n < 0 {
			return protowire.ParseError(n)
		}
		m := protowire.ConsumeFieldValue(number, kind, rest[n:])
		if m < 0 {
			return protowire.ParseError(m)
		}
		value := rest[n : n+m]
		switch number {
		case fieldVersion:
			version, _ = protowire.ConsumeVarint(value)
		case fieldUseTLS:
			secure = true
		case fieldCreds:
			creds, _ := protowire.ConsumeBytes(value)
			cert, key = credentials(creds)
		}
		if number != fieldUseTLS && number != fieldCreds {
			plain = append(plain, rest[:n+m]...)
		}
		rest = rest[n+m:]
	}
	runtime.LockOSThread() // it is the thread whose end counts
	c := exec.Command(server)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // the suite may have no patience with this process
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		return err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	defer func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		_ = c.Wait()
	}()
	if err := writeMessage(in, plain); err != nil {
		return err
	}
	answer, err := readMessage(out)
	if err != nil {
		return err
	}
	listener, target := listenerAndTarget(version, secure, portOf(answer))
	if secure {
		dir, err := os.MkdirTemp("", "conformance")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		files := [2]string{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
		for i, data := range [][]byte{cert, key} {
			if err := os.WriteFile(files[i], data, 0o600); err != nil {
				return err
			}
		}
		listener = fmt.Sprintf(`{ address: "127.0.0.1:0", tls: { certificates: [{ cert_file: %q, key_file: %q }] } }`, files[0], files[1])
	}
	g, err := start(document(listener, target))
	if err != nil {
		return err
	}
	defer g.Close()
	_, port, err := net.SplitHostPort(g.Addresses()[0])
	if err != nil {
		return err
	}
	n, _ := strconv.ParseUint(port, 10, 16)
	reply := protowire.AppendString(protowire.AppendTag(nil, fieldHost, protowire.BytesType), "127.0.0.1")
	reply = protowire.AppendVarint(protowire.AppendTag(reply, fieldPort, protowire.VarintType), n)
	if secure {
		reply = protowire.AppendBytes(protowire.AppendTag(reply, fieldCert, protowire.BytesType), cert)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
	if err := writeMessage(os.Stdout, reply); err != nil {
		return err
	}
	<-stop
	return nil
}

func listenerAndTarget(version uint64, secure bool, port uint64) (listener, target string) {
	if version == version2 {
		return `{ address: "127.0.0.1:0", protocols: [h2c] }`, fmt.Sprintf("h2c://127.0.0.1:%d", port)
	}
	return `{ address: "127.0.0.1:0" }`, fmt.Sprintf("http://127.0.0.1:%d", port)
}

func credentials(b []byte) (cert, key []byte) {
	for len(b) > 0 {
		number, _, n := protowire.ConsumeTag(b)
		value, m := protowire.ConsumeBytes(b[n:])
		if n < 0 || m < 0 {
			return nil, nil
		}
		if number == 1 {
			cert = value
		} else {
			key = value
		}
		b = b[n+m:]
	}
	return cert, key
}

func portOf(b []byte) (port uint64) {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		m := protowire.ConsumeFieldValue(number, kind, b[n:])
		if n < 0 || m < 0 {
			return 0
		}
		if number == fieldPort {
			port, _ = protowire.ConsumeVarint(b[n:])
		}
		b = b[n+m:]
	}
	return port
}

func readMessage(r io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint32(size[:]))
	_, err := io.ReadFull(r, b)
	return b, err
}

func writeMessage(w io.Writer, b []byte) error {
	_, err := w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...))
	return err
}

var passed = regexp.MustCompile(`Total cases: (\d+)\n(\d+) passed, (\d+) failed`)

// Connect, gRPC and gRPC-Web: unary calls and streams both ways, over HTTP/1.1 and HTTP/2, without TLS and with it.
func TestConnect(t *testing.T) {
	suite := tool(t, "connectrpc.com/conformance/cmd/connectconformance", connectVersion)
	server := tool(t, "connectrpc.com/conformance/cmd/referenceserver", connectVersion)
	for _, tt := range []struct {
		name, features string
		want           int
	}{
		{"plain", "supports_tls: false, supports_half_duplex_bidi_over_http1: true", 1990},
		{"tls", "supports_h2c: false, supports_half_duplex_bidi_over_http1: true", 2504},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conf := filepath.Join(t.TempDir(), "conf.yaml")
			if err := os.WriteFile(conf, []byte("features: { "+tt.features+" }\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv(shim, server)
			said, ok := run(t, suite, "--mode", "server", "--conf", conf, "--", os.Args[0])
			m := passed.FindStringSubmatch(said)
			if !ok || m == nil || m[3] != "0" {
				if at := strings.Index(said, "goroutine "); at >= 0 {
					t.Logf("a server ended with\n%.20000s", said[max(0, at-2000):]) // race, panic
				}
				t.Fatalf("%s", tail(said))
			}
			if m[2] != strconv.Itoa(tt.want) {
				t.Errorf("%s cases passed, want %d", m[2], tt.want)
			}
		})
	}
}

// tail is the end of what a judge said, where it says what failed.
func tail(s string) string {
	const most = 20000
	if len(s) > most {
		return "…" + s[len(s)-most:]
	}
	return s
}
