package balance

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A health service answers as the name of the service that it is asked for says.
func healthService(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if r.Method != "POST" || r.URL.Path != "/grpc.health.v1.Health/Check" || r.ProtoMajor != 2 || r.Header.Get("Te") != "trailers" ||
		r.Header.Get("Content-Type") != "application/grpc" || len(body) < 5 || int(body[4]) != len(body)-5 {
		http.Error(w, fmt.Sprintf("%s %s %v %x", r.Method, r.URL, r.Header, body), http.StatusTeapot)
		return
	}
	service := ""
	if len(body) > 7 {
		service = string(body[7:])
	}
	w.Header().Set("Content-Type", "application/grpc")
	switch service {
	case "none":
		w.Header().Set("Grpc-Status", "5")
		return
	case "web":
		w.WriteHeader(http.StatusNotFound)
		return
	case "slow":
		<-r.Context().Done()
		return
	}
	w.Header().Set("Trailer", "Grpc-Status")
	out, _ := hex.DecodeString(map[string]string{"": "00000000020801", "sick": "00000000020802", "odd": "000000000508011a0178", "unknown": "0000000000", "later": "00000000020863",
		"broken": "0000000002", "long": "0000000003080100", "packed": "01000000020801"}[service])
	_, _ = w.Write(out)
	if service == "failed" {
		w.Header().Set("Grpc-Status", "13")
	} else if service != "cut" {
		w.Header().Set("Grpc-Status", "0")
	}
}

func TestGRPCChecks(t *testing.T) {
	plain := httptest.NewUnstartedServer(http.HandlerFunc(healthService))
	plain.Config.Protocols = new(http.Protocols)
	plain.Config.Protocols.SetUnencryptedHTTP2(true)
	plain.Start()
	t.Cleanup(plain.Close)
	tls := secure(t, func(s *httptest.Server) { s.Config.Handler = http.HandlerFunc(healthService) })
	h1 := httptest.NewServer(http.HandlerFunc(healthService))
	t.Cleanup(h1.Close)
	ca := authorityOf(t, tls)
	for _, c := range []struct{ targets, grpc, want string }{
		{plain.URL, "true", ""},
		{strings.Replace(plain.URL, "http:", "h2c:", 1), "true", ""},
		{plain.URL, "odd", ""},
		{plain.URL, "sick", "it says NOT_SERVING"},
		{plain.URL, "unknown", "it says UNKNOWN"},
		{plain.URL, "later", "it says a state that is not known"},
		{plain.URL, "none", "the gRPC status is 5, NOT_FOUND: it has no such service"},
		{plain.URL, "failed", "the gRPC status is 13"},
		{plain.URL, "cut", "the gRPC status is missing"},
		{plain.URL, "web", "the status is 404"},
		{plain.URL, "broken", "the answer is no HealthCheckResponse"},
		{plain.URL, "long", "the answer is no HealthCheckResponse"},
		{plain.URL, "packed", "the answer is no HealthCheckResponse"},
		{plain.URL, "slow", "timeout: "},
		{tls.URL, "true", ""},
		{tls.URL, "sick", "it says NOT_SERVING"},
		{h1.URL, "true", "read: "},
	} {
		t.Run(strings.Split(c.targets, ":")[0]+" "+c.grpc, func(t *testing.T) {
			text := fmt.Sprintf("targets: [%q]\nhealth: {grpc: %s, timeout: 300ms, interval: 1d}\n", c.targets, c.grpc)
			if strings.HasPrefix(c.targets, "https") {
				text += "tls: {ca_file: " + ca + "}"
			}
			u, _, _ := real(t, text)
			err := u.roster.Load().targets[0].check.ask(time.Now())
			got := ""
			if err != nil {
				got = err.Error()
			}
			if c.want == "" && err != nil || !strings.HasPrefix(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// Over TLS a check speaks as calls do.
func TestChecksOverTLS(t *testing.T) {
	s := secure(t, func(s *httptest.Server) {
		s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.ProtoMajor != 2 || r.Host != "shop.test" {
				w.WriteHeader(http.StatusTeapot)
			}
		})
	})
	text := fmt.Sprintf("targets: [%q]\nhealth: {path: /, interval: 1d, headers: {Host: shop.test}}\ntls: {ca_file: %s}", s.URL, authorityOf(t, s))
	u, _, _ := real(t, text)
	if err := u.roster.Load().targets[0].check.ask(time.Now()); err != nil {
		t.Error(err)
	}
	u, _, _ = real(t, fmt.Sprintf("targets: [%q]\nhealth: {path: /, interval: 1d}", s.URL))
	if err := u.roster.Load().targets[0].check.ask(time.Now()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that nobody trusts: %v", err)
	}
}

// Whatever a target says, reading it ends.
func FuzzServing(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 2, 8, 1})
	f.Add([]byte{0, 0, 0, 0, 5, 8, 1, 26, 1, 'x'})
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := serving(b); err == nil && len(b) < 5 {
			t.Error("a frame of less than its head")
		}
	})
}
