package balance

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/policy"
	"sallyport/schema"
	"sallyport/telemetry"
	"sallyport/wire"
)

// secure serves the version of HTTP and what was asked for, on loopback, with TLS.
func secure(t *testing.T, set func(*httptest.Server)) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprint(w, r.Proto, " ", r.Host, " ", len(r.TLS.PeerCertificates), " ", string(body))
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.EnableHTTP2 = true
	set(s)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func authorityOf(t *testing.T, s *httptest.Server) string {
	return write(t, "ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
}

// pair writes the certificate and key of s into files.
func pair(t *testing.T, s *httptest.Server) (cert, key string) {
	der, err := x509.MarshalPKCS8PrivateKey(s.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return authorityOf(t, s), write(t, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// real makes a registry on the network and one upstream of these settings.
func real(t *testing.T, text string) (*Upstream, *Registry, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	r := NewRegistry(Options{Metrics: telemetry.NewMetrics("test"), Log: slog.New(slog.NewTextHandler(&log, nil))})
	t.Cleanup(r.Close)
	s := r.Prepare(map[string]*Config{"shop": settings(t, text)})
	s.Commit()
	return s.Upstream("shop"), r, &log
}

// ask sends a request to u and returns status and body, or the problem.
func ask(u *Upstream, method, body string) string {
	r := &wire.Request{Method: method, Scheme: "http", Host: "gw.test", Conn: &wire.Conn{}}
	r.Path.Text = "/"
	x := &policy.Exchange{Request: r}
	c := &wire.Call{Method: method, Target: "/", Header: &r.Header, Request: r}
	if body != "" {
		c.Body, c.Length = wire.BytesBody([]byte(body)), int64(len(body))
	}
	resp, err := u.Send(x, c)
	if err != nil {
		return err.Error()
	}
	defer resp.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(resp.Status, " ", string(b))
}

func TestTLS(t *testing.T) {
	both := secure(t, func(*httptest.Server) {})
	old := secure(t, func(s *httptest.Server) { s.EnableHTTP2 = false })
	wants := secure(t, func(s *httptest.Server) { s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert} })
	ca := authorityOf(t, both)
	cert, key := pair(t, both)
	for _, tt := range []struct {
		name, text string
		server     *httptest.Server
		want       string
	}{
		{"auto takes HTTP/2", "tls: {ca_file: " + ca + "}", both, "200 HTTP/2.0 HOST 0 hello"},
		{"auto takes HTTP/1.1", "tls: {ca_file: " + ca + "}", old, "200 HTTP/1.1 HOST 0 hello"},
		{"h1", "protocol: h1\ntls: {ca_file: " + ca + "}", both, "200 HTTP/1.1 HOST 0 hello"},
		{"h2", "protocol: h2\ntls: {ca_file: " + ca + "}", both, "200 HTTP/2.0 HOST 0 hello"},
		{"h2 that is not there", "protocol: h2\ntls: {ca_file: " + ca + "}", old, "upstream_failed: The upstream cannot be reached.: connect: the target does not speak HTTP/2"},
		{"unknown authority", "", both, "upstream_failed: The upstream cannot be trusted: its certificate is not the one to expect.: connect: tls: failed to verify certificate"},
		{"another name", "tls: {ca_file: " + ca + ", server_name: other.test}", both, "upstream_failed: The upstream cannot be trusted"},
		{"a name that it has", "tls: {ca_file: " + ca + ", server_name: example.com}", both, "200 HTTP/2.0 HOST 0 hello"},
		{"any certificate", "tls: {insecure_skip_verify: true}", both, "200 HTTP/2.0 HOST 0 hello"},
		{"own certificate", "tls: {ca_file: " + ca + ", cert_file: " + cert + ", key_file: " + key + "}", wants, "200 HTTP/2.0 HOST 1 hello"},
		{"no certificate of its own", "protocol: h1\ntls: {ca_file: " + ca + "}", wants, "upstream_failed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u, _, _ := real(t, "targets: ["+tt.server.URL+"]\n"+tt.text)
			host := strings.TrimPrefix(tt.server.URL, "https://")
			for i := range 3 {
				if i > 0 && !strings.HasPrefix(tt.want, "200") {
					break // the target is out
				}
				if got := ask(u, "POST", "hello"); !strings.HasPrefix(got, strings.ReplaceAll(tt.want, "HOST", host)) {
					t.Errorf("got %s, want %s", got, tt.want)
				}
			}
		})
	}
}

// A connection of the pool that the target has closed meanwhile costs no request, whatever the method.
func TestStaleTLS(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, protocol := range []string{"h1", "h2"} {
			t.Run(fmt.Sprint(tls.VersionName(version), " ", protocol), func(t *testing.T) {
				s := secure(t, func(s *httptest.Server) { s.TLS = &tls.Config{MaxVersion: version} })
				u, _, _ := real(t, "targets: ["+s.URL+"]\nprotocol: "+protocol+"\ntls: {insecure_skip_verify: true}")
				for range 5 {
					for range 2 {
						if got := ask(u, "POST", "hello"); !strings.HasPrefix(got, "200") {
							t.Fatal(got)
						}
					}
					s.CloseClientConnections()
					time.Sleep(20 * time.Millisecond) // for the news to come over the network
				}
			})
		}
	}
}

// Connections belong to what was agreed on: other authorities, names and protocols get others, the same keep theirs.
func TestTLSKeys(t *testing.T) {
	s := secure(t, func(*httptest.Server) {})
	ca := authorityOf(t, s)
	text := "targets: [" + s.URL + "]\ntls: {ca_file: " + ca + "}"
	u, r, _ := real(t, text)
	if got := ask(u, "GET", ""); !strings.HasPrefix(got, "200") {
		t.Fatal(got)
	}
	pool := u.roster.Load().targets[0].pool
	load := func(text string) *Upstream {
		set := r.Prepare(map[string]*Config{"shop": settings(t, text)})
		set.Commit()
		return set.Upstream("shop")
	}
	if load(text).roster.Load().targets[0].pool != pool || len(r.terms) != 1 {
		t.Error("the same settings lose their connections")
	}
	for _, other := range []string{"targets: [" + s.URL + "]", text + "\nprotocol: h1", "targets: [" + s.URL + "]\ntls: {ca_file: " + ca + ", server_name: example.com}"} {
		if load(other).roster.Load().targets[0].pool == pool {
			t.Errorf("%s: it has the connections of other settings", other)
		}
	}
	if len(r.terms) != 1 {
		t.Errorf("%d terms are kept", len(r.terms))
	}
}

// A target that changes its mind about HTTP/2 is followed.
func TestEither(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	start := func(l net.Listener, h2 bool) *httptest.Server {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }))
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.EnableHTTP2 = h2
		_ = s.Listener.Close()
		s.Listener = l
		s.StartTLS()
		return s
	}
	s := start(l, true)
	u, _, _ := real(t, "targets: [https://"+addr+"]\ntls: {insecure_skip_verify: true}")
	for i, want := range []string{"HTTP/2.0", "HTTP/1.1", "HTTP/2.0"} {
		if got := ask(u, "GET", ""); got != "200 "+want {
			t.Errorf("%d: %s", i, got)
		}
		s.Close()
		time.Sleep(20 * time.Millisecond)
		if l, err = net.Listen("tcp", addr); err != nil {
			t.Fatal(err)
		}
		s = start(l, i%2 == 1)
	}
	s.Close()
}

func TestTLSSettings(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none.pem")
	text := write(t, "text.pem", []byte("hello"))
	cert, key := pair(t, secure(t, func(*httptest.Server) {}))
	for doc, want := range map[string]string{
		"tls: {ca_file: " + none + "}":                         "tls.ca_file: there is no file",
		"tls: {ca_file: " + text + "}":                         "tls.ca_file: " + text + ": there is no certificate in the file",
		"tls: {cert_file: " + cert + "}":                       "tls.cert_file: it needs key_file",
		"tls: {key_file: " + key + "}":                         "tls.key_file: it needs cert_file",
		"tls: {cert_file: " + key + ", key_file: " + key + "}": "tls.cert_file: " + key + ": the file holds a private key",
		"tls: {server_name: 'a b'}":                            "tls.server_name: \"a b\" is no name",
		"protocol: h2c":                                        "targets[0].url: protocol h2c is HTTP/2 without TLS",
		"protocol: h3":                                         "protocol: \"h3\" is not known; write auto, h1, h2, h2c",
	} {
		n, errs := schema.Parse("", []byte("targets: [https://a]\n"+doc))
		errs = append(errs, schema.Of[Config]().Decode(n, &Config{}, "")...)
		if !strings.Contains(errs.Error(), want) {
			t.Errorf("%s: got %v", doc, errs)
		}
	}
}
