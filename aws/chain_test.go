package aws_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/aws"
)

// elsewhere hides what the machine has of credentials, and has set in its place.
func elsewhere(t *testing.T, set ...string) {
	t.Helper()
	for _, item := range os.Environ() {
		if name, _, _ := strings.Cut(item, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
			_ = os.Unsetenv(name) // until the end of the test, by Setenv
		}
	}
	nowhere := filepath.Join(t.TempDir(), "none")
	t.Setenv("AWS_CONFIG_FILE", nowhere)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", nowhere)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for i := 0; i+1 < len(set); i += 2 {
		t.Setenv(set[i], set[i+1])
	}
}

func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// server answers what is asked for by its path, and everything else 404.
func server(t *testing.T, answers map[string]http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := answers[r.URL.Path]; f != nil {
			f(w, r)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func lent(id string, until time.Time) map[string]string {
	return map[string]string{"Code": "Success", "AccessKeyId": id, "SecretAccessKey": "s", "Token": "t", "Expiration": until.UTC().Format(time.RFC3339)}
}

// Credentials are found in each place that Amazon's tools know, by Amazon's library and servers of ours on loopback.
func TestChain(t *testing.T) {
	until := time.Now().Add(time.Hour).Truncate(time.Second)
	container := func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "the pod" {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		_ = json.NewEncoder(w).Encode(lent("container", until))
	}
	token := func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil || r.Form.Get("Action") != "AssumeRoleWithWebIdentity" || r.Form.Get("WebIdentityToken") != "the pod's" || r.Form.Get("RoleArn") != "arn:aws:iam::123456789012:role/gateway" {
			http.Error(w, "who are you?", http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
			<Credentials><AccessKeyId>pod</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials>
			</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`, until.UTC().Format(time.RFC3339))
	}
	metadata := map[string]http.HandlerFunc{
		"/latest/api/token": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
			_, _ = w.Write([]byte("the machine's"))
		},
		"/latest/meta-data/iam/security-credentials/": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("role")) },
		"/latest/meta-data/iam/security-credentials/role": func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Aws-Ec2-Metadata-Token") == "the machine's" {
				_ = json.NewEncoder(w).Encode(lent("machine", until))
			}
		},
	}
	for _, c := range []struct {
		name string
		env  []string
		want string
		ends bool
	}{
		{"environment", []string{"AWS_ACCESS_KEY_ID", "environment", "AWS_SECRET_ACCESS_KEY", "s"}, "environment", false},
		{"file", []string{"AWS_SHARED_CREDENTIALS_FILE", file(t, "[default]\naws_access_key_id = file\naws_secret_access_key = s\n")}, "file", false},
		{"profile", []string{"AWS_PROFILE", "gateway", "AWS_CONFIG_FILE", file(t, "[profile gateway]\naws_access_key_id = profile\naws_secret_access_key = s\n")}, "profile", false},
		{"web identity", []string{"AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/gateway", "AWS_WEB_IDENTITY_TOKEN_FILE", file(t, "the pod's"), "AWS_ENDPOINT_URL_STS", server(t, map[string]http.HandlerFunc{"/": token})}, "pod", true},
		{"container", []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI", server(t, map[string]http.HandlerFunc{"/v1": container}) + "/v1", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "the pod"}, "container", true},
		{"machine", []string{"AWS_EC2_METADATA_DISABLED", "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT", server(t, metadata)}, "machine", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			elsewhere(t, c.env...)
			k, err := aws.Chain(slog.New(slog.DiscardHandler))(t.Context(), "eu-central-1")
			if err != nil || k.ID.Reveal() != c.want || k.Secret.Reveal() != "s" || k.From == "" {
				t.Fatalf("got %s of %q, %v, want %s", k.ID.Reveal(), k.From, err, c.want)
			}
			early := until.Sub(k.Until) // the library itself takes five minutes off what a container's host says
			if c.ends != (early >= 0 && early <= 5*time.Minute) || c.ends == k.Until.IsZero() || c.ends != (k.Session.Reveal() == "t") {
				t.Errorf("they end at %v, want %v: %t", k.Until, until, c.ends)
			}
		})
	}
	t.Run("nowhere", func(t *testing.T) {
		elsewhere(t)
		if k, err := aws.Chain(slog.New(slog.DiscardHandler))(t.Context(), "eu-central-1"); err == nil {
			t.Errorf("found %s", k.From)
		}
	})
}

// A file that changed counts the next time.
func TestChainReadsAnew(t *testing.T) {
	at := file(t, "[default]\naws_access_key_id = one\naws_secret_access_key = s\n")
	elsewhere(t, "AWS_SHARED_CREDENTIALS_FILE", at)
	find := aws.Chain(slog.New(slog.DiscardHandler))
	for _, want := range []string{"one", "two"} {
		if k, err := find(t.Context(), "eu-central-1"); err != nil || k.ID.Reveal() != want {
			t.Errorf("got %s, %v, want %s", k.ID.Reveal(), err, want)
		}
		if err := os.WriteFile(at, []byte("[default]\naws_access_key_id = two\naws_secret_access_key = s\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
