package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sallyport/identity"
	"sallyport/store"
	"sallyport/store/sqlite"
	"sallyport/test/selfsigned"
)

// This file plants secrets wherever one can stand, has the gateway do all it does with them, right and wrong, and looks for each of them in
// everything that came out.

// A cage is secrets by what they are, and all that was said by whom.
type cage struct {
	t       *testing.T
	dir     string
	secrets map[string]string
	said    map[string]string
	about   string // what is wrong with the document that is asked about
}

func newCage(t *testing.T) *cage {
	t.Helper()
	return &cage{t: t, dir: t.TempDir(), secrets: map[string]string{}, said: map[string]string{}}
}

// canary makes a secret of 40 characters, of which no other text has ten in a row.
func (c *cage) canary(what string) string {
	if s := c.secrets[what]; s != "" {
		return s
	}
	s := strings.NewReplacer("+", "a", "/", "b").Replace(base64.StdEncoding.EncodeToString([]byte(random(30))))
	c.secrets[what] = s
	return s
}

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it never fails
	return string(b)
}

// file writes a file of the document.
func (c *cage) file(name, text string) string {
	c.t.Helper()
	name = filepath.Join(c.dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return name
}

// heard keeps what somebody said.
func (c *cage) heard(who, text string) {
	if c.about != "" {
		who += ", of " + c.about
	}
	c.said[who] += text + "\n"
}

// command keeps what a command prints.
func (c *cage) command(args ...string) {
	_, out := line(args...)
	c.heard(strings.TrimSuffix(strings.Join(args[:min(len(args), 2)], " "), " -c"), out)
}

// look finds secrets in what was said: whole or ten characters of one in a row, as they are or in a usual coding.
func (c *cage) look() {
	c.t.Helper()
	for who, text := range c.said {
		for what, secret := range c.secrets {
			for how, form := range forms(secret) {
				if i := strings.Index(text, form); i >= 0 {
					c.t.Errorf("%s: %s shows, %s: …%s…", who, what, how, text[max(0, i-100):min(len(text), i+len(form)+20)])
					break
				}
			}
		}
	}
}

func forms(secret string) map[string]string {
	all := map[string]string{"as it is": secret, "in hex": hex.EncodeToString([]byte(secret)), "in a URL": url.QueryEscape(secret), "in quotes": strings.Trim(fmt.Sprintf("%q", secret), `"`)}
	for shift := range 3 { // base64 of something with the secret in it
		text := base64.StdEncoding.EncodeToString([]byte("   "[:shift] + secret))
		text = strings.TrimRight(text, "=")
		if len(text) > 16 {
			all[fmt.Sprint("in base64, ", shift)] = text[4 : len(text)-4]
			all[fmt.Sprint("in base64 for URLs, ", shift)] = strings.NewReplacer("+", "-", "/", "_").Replace(text[4 : len(text)-4])
		}
	}
	from := 0
	if strings.HasPrefix(secret, "sp_") {
		from = 11 // what is before tells keys apart, and is meant to be seen
	}
	for ; from+10 <= len(secret); from += 5 {
		all[fmt.Sprint("a part of it, ", from)] = secret[from : from+10]
	}
	return all
}

// The document in which secrets stand, one of each sort.
const caged = `
listeners:
  - "FRONT"
  - { address: "SECURE", tls: { certificates: [ { cert_file: cert.pem, key_file: key.pem } ] } }
admin: { address: "ADMIN", tokens: [ { name: ops, role: admin, value: "${env.CANARY_ADMIN}" }, { name: look, role: viewer, value: "VIEWER" } ] }
store: { sqlite: data/sallyport.db }
telemetry: { log: { level: debug } }
upstreams:
  up: { targets: ["BACKEND"] }
  down: { targets: ["http://127.0.0.1:1"] }
consumers:
  - name: acme
    credentials:
      - api_key: { value: "${env.CANARY_KEY}" }
      - api_key: { value: "KEY" }
      - api_key: { value: "${file(\"key.txt\")}" }
      - basic: { username: acme, password_hash: 'HASH' }
policies:
  sent: { headers: { request: { set: { Authorization: "Bearer ${env.CANARY_UPSTREAM}", X-Secret: "${file(\"upstream.txt\")}" } } } }
routes:
  - { match: "/key/{rest...}", policies: [ api_key: {}, use: sent ], upstream: up }
  - { match: /query, policies: [ api_key: { in: "query:api_key" } ], upstream: up }
  - { match: /cookie, policies: [ api_key: { in: "cookie:api_key" } ], upstream: up }
  - { match: /basic, policies: [ basic_auth: {} ], upstream: up }
  - { match: /htpasswd, policies: [ basic_auth: { htpasswd: users.htpasswd } ], upstream: up }
  - { match: /jwt, policies: [ jwt: { issuer: "https://idp.test", audience: api, secret: "${env.CANARY_HS}" } ], upstream: up }
  - { match: /either, policies: [ any_of: [ api_key: {}, basic_auth: {} ] ], upstream: up }
  - { match: /rule, policies: [ authorize: 'request.header("x-token") == env.CANARY_RULE' ], upstream: up }
  - { match: /down, policies: [ api_key: {} ], upstream: down }
`

// document makes all that caged refers to, and returns it.
func (c *cage) document(front, secure, admin, backend string) string {
	c.t.Helper()
	for _, name := range []string{"ADMIN", "KEY", "UPSTREAM", "HS", "RULE"} {
		c.t.Setenv("CANARY_"+name, c.canary("${env.CANARY_"+name+"}"))
	}
	password := c.canary("the password")
	hash, err := identity.HashPassword(password)
	if err != nil {
		c.t.Fatal(err)
	}
	c.secrets["the hash of a password"] = hash[strings.LastIndexByte(hash, '$')+1:]
	c.file("key.txt", c.canary("a key in a file"))
	c.file("upstream.txt", c.canary("a token for the upstream in a file"))
	c.file("users.htpasswd", "bob:"+hash+"\n")
	cert, key, err := selfsigned.PEM(time.Hour, "localhost")
	if err != nil {
		c.t.Fatal(err)
	}
	c.file("cert.pem", string(cert))
	c.file("key.pem", string(key))
	c.secrets["the key of the certificate"] = strings.Split(string(key), "\n")[1]
	c.stored()
	return strings.NewReplacer("FRONT", front, "SECURE", secure, "\"ADMIN\"", `"`+admin+`"`, "BACKEND", backend, "VIEWER", c.canary("a token in the document"), "\"KEY\"", `"`+c.canary("a key in the document")+`"`, "HASH", hash).Replace(caged)
}

// stored makes a store with a key, whose text and pepper are secrets.
func (c *cage) stored() {
	c.t.Helper()
	file := filepath.Join(c.dir, "data", "sallyport.db")
	log := slog.New(slog.DiscardHandler)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		c.t.Fatal(err)
	}
	s, err := sqlite.Create(context.Background(), file, log)
	if err != nil {
		c.t.Fatal(err)
	}
	people := identity.NewRegistry(log)
	if err := people.Attach(s, s.Pepper()); err != nil {
		c.t.Fatal(err)
	}
	if _, err := people.CreateConsumer(context.Background(), identity.ConsumerSpec{Name: "stored"}); err != nil {
		c.t.Fatal(err)
	}
	if c.secrets["a key in the store"], _, err = people.CreateKey(context.Background(), identity.KeySpec{Consumer: "stored"}); err != nil {
		c.t.Fatal(err)
	}
	c.secrets["the pepper"] = string(s.Pepper())
	c.secrets["the hash of a key in the store"] = keyHash(c.t, s)
	people.Detach()
	if err := s.Close(); err != nil {
		c.t.Fatal(err)
	}
}

func keyHash(t *testing.T, s identity.Store) string {
	t.Helper()
	var hashes []string
	_, err := s.Load(context.Background(), func(k *store.KeyRecord) { hashes = append(hashes, string(k.Hash[:])) })
	if err != nil || len(hashes) != 1 {
		t.Fatal(err, len(hashes))
	}
	return hashes[0]
}

// ask sends a request and keeps the whole answer.
func (c *cage) ask(address, method, target string, header ...string) {
	c.t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", method, target, strings.Join(append(header, ""), "\r\n"))
	answer, _ := io.ReadAll(bufio.NewReader(conn))
	c.heard("an answer to "+method+" "+strings.SplitN(target, "?", 2)[0], string(answer))
}

// TestCanaries has one gateway do everything.
func TestCanaries(t *testing.T) {
	c := newCage(t)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	t.Cleanup(backend.Close)
	front, secure, admin := port(t), port(t), port(t)
	good := c.document(front, secure, admin, backend.URL)
	document := c.file("sallyport.yaml", good)
	p := start(t, "run", "-c", document)
	p.await("(msg=serving)")
	read := p.drain() // it says a lot, and waits for those who read it

	c.requests(front)
	c.kept(document, admin)
	c.requests(front)
	c.ask(secure, "GET", "/key/x", "X-API-Key: "+c.secrets["a key in a file"]) // which speaks TLS
	c.commands(document, admin)
	for what, text := range c.broken(good) { // beside the good one, and in its place
		c.about = what
		file := c.file("broken.yaml", text)
		for _, args := range [][]string{{"check"}, {"check", "--json"}, {"explain", "GET", "/key/x"}, {"routes"}} {
			c.command(append(args, "-c", file)...)
		}
		c.post(admin, "/api/config/check", text)
		c.file("sallyport.yaml", text)
		c.command("reload", "-c", document, "--admin", admin)
		c.command("status", "-c", document, "--admin", admin)
	}
	c.about = ""
	c.file("sallyport.yaml", good)
	c.command("reload", "-c", document)
	c.requests(front)
	_ = p.cmd.Process.Signal(syscall.SIGQUIT) // what a crash would print
	<-read
	_ = p.cmd.Wait()
	c.heard("the log", p.log.String())
	c.heard("the access log", p.out.String())
	if !strings.Contains(c.said["the access log"], `"/key/x"`) || !strings.Contains(c.said["the log"], "goroutine 1 ") {
		t.Errorf("the gateway did not say enough: %s %s", c.said["the access log"], c.said["the log"])
	}
	c.look()
}

// requests show credentials, right and wrong, where they belong and where they do not.
func (c *cage) requests(front string) {
	basic := func(user, password string) string {
		return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	guess, token := c.canary("a wrong credential"), c.canary("the payload of a token")
	jwt := "eyJhbGciOiJIUzI1NiJ9." + token + ".c2ln"
	for _, key := range []string{c.secrets["${env.CANARY_KEY}"], c.secrets["a key in the document"], c.secrets["a key in a file"], c.secrets["a key in the store"], c.secrets["a key that a command made"], guess, "sp_" + guess} {
		for _, method := range []string{"GET", "POST", "HEAD", "TRACE", "BREW"} {
			c.ask(front, method, "/key/x", "X-API-Key: "+key)
		}
		c.ask(front, "GET", "/key/x", "Authorization: Bearer "+key)
		c.ask(front, "GET", "/key/x", "Authorization: ApiKey "+key)
		c.ask(front, "GET", "/key/x", "X-API-Key: "+key, "X-API-Key: "+key)
		c.ask(front, "GET", "/query?a=b&api_key="+key)
		c.ask(front, "GET", "/query?api_key="+key+"&api_key=x")
		c.ask(front, "GET", "/key/x?api_key="+key)
		c.ask(front, "GET", "/cookie", "Cookie: api_key="+key+"; session="+guess)
		c.ask(front, "GET", "/either", "X-API-Key: "+key)
		c.ask(front, "GET", "/down", "X-API-Key: "+key)
		c.ask(front, "GET", "/nowhere", "X-API-Key: "+key, "Authorization: Bearer "+key, "Cookie: a="+key, "Proxy-Authorization: Basic "+key)
	}
	for _, password := range []string{c.secrets["the password"], guess} {
		for _, path := range []string{"/basic", "/htpasswd", "/either", "/jwt", "/nowhere"} {
			c.ask(front, "GET", path, basic("acme", password))
			c.ask(front, "GET", path, basic("bob", password))
			c.ask(front, "GET", path, basic("nobody", password))
			c.ask(front, "GET", path, "Authorization: Basic "+password)
			c.ask(front, "GET", path, "Authorization: "+password)
		}
	}
	for _, head := range []string{"Authorization: Bearer " + jwt, "Authorization: Bearer " + token, "Authorization: Bearer " + jwt + ", " + jwt, "X-Token: " + c.secrets["${env.CANARY_RULE}"], "X-Token: " + guess,
		"Bad Header: " + guess, "Authorization : Bearer " + guess, "Content-Length: " + guess, "Transfer-Encoding: " + guess, "Connection: " + guess, "Expect: " + guess, "Upgrade: " + guess, "Authorization: Bearer a\x00" + guess} {
		c.ask(front, "GET", "/jwt", head)
		c.ask(front, "GET", "/rule", head)
	}
	c.ask(front, "GET", "http://acme:"+guess+"@localhost/key/x")
	c.ask(front, "GET", "/jwt?access_token="+jwt)
}

// commands are those that look at a document, or at the gateway.
func (c *cage) commands(document, admin string) {
	key, password := "X-API-Key: "+c.secrets["a key in the store"], "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte("acme:"+c.secrets["the password"]))
	c.t.Setenv(tokenVariable, c.secrets["${env.CANARY_ADMIN}"])
	for _, more := range [][]string{{}, {"--json"}, {"--live"}, {"--live", "--json"}} {
		for _, h := range []string{key, password, "Authorization: Bearer " + c.canary("a wrong credential"), "Cookie: api_key=" + c.secrets["a key in a file"], "X-Token: " + c.secrets["${env.CANARY_RULE}"]} {
			for _, target := range []string{"/key/x", "/basic", "/jwt", "/either", "/rule", "/cookie", "/query?api_key=" + c.secrets["a key in the document"]} {
				c.command(append([]string{"explain", "GET", target, "-H", h, "-c", document}, more...)...)
			}
		}
	}
	for _, args := range [][]string{{"check"}, {"check", "--strict"}, {"check", "--json"}, {"routes"}, {"routes", "--json"}, {"test"}, {"status"}, {"status", "--json"}, {"upstreams"}, {"reload"}, {"reload", "--json"}, {"keys", "list"}, {"keys", "list", "--json"}, {"consumers"}, {"consumers", "--json"}, {"plans"}} {
		c.command(append(args, "-c", document)...)
	}
	for _, path := range []string{"/metrics", "/api/status", "/api/routes", "/api/upstreams", "/api/config", "/api/consumers", "/api/keys", "/api/plans", "/api/credentials", "/api/revocations", "/api/nothing"} {
		for _, token := range []string{c.secrets["${env.CANARY_ADMIN}"], c.secrets["a token in the document"], c.canary("a wrong credential")} {
			c.ask(admin, "GET", path, "Authorization: Bearer "+token)
			c.ask(admin, "GET", path+"?token="+token)
		}
	}
	c.post(admin, "/api/explain", fmt.Sprintf(`{"method":"GET","url":"/key/x","headers":{"X-API-Key":[%q]}}`, c.secrets["a key in the store"]))
}

// post sends a body to the admin listener.
func (c *cage) post(admin, path, body string) {
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, "http://"+admin+path, bytes.NewReader([]byte(body)))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.secrets["${env.CANARY_ADMIN}"])
	kind := "application/json"
	if path == "/api/config/check" {
		kind = "application/yaml"
	}
	r.Header.Set("Content-Type", kind)
	if res, err := http.DefaultClient.Do(r); err == nil {
		text, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		c.heard("POST "+path, string(text))
	}
}
