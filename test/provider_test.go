package test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"sallyport/gateway"
	"sallyport/test/signed"
	"sallyport/wire/memnet"
)

// A provider is a real OpenID provider, that of zitadel/oidc, whose keys can be changed and whose server can be stopped.
type provider struct {
	*storage.Storage
	net *memnet.Network

	mu     sync.Mutex // guards what follows
	signs  *signed.Key
	keys   []*signed.Key // that it publishes
	server *http.Server
	crew   sync.WaitGroup
}

const providerURL = "http://idp"

func newProvider(network *memnet.Network, k *signed.Key) *provider {
	return &provider{Storage: storage.NewStorage(storage.NewUserStore(providerURL)), net: network, signs: k, keys: []*signed.Key{k}}
}

// start serves it.
func (p *provider) start(t *testing.T) {
	t.Helper()
	handler, err := op.NewProvider(&op.Config{CryptoKey: [32]byte{1}}, p, op.StaticIssuer(providerURL), op.WithAllowInsecure(), op.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	l, err := p.net.Listen("idp:80")
	if err != nil {
		t.Fatal(err)
	}
	p.server = &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	p.crew.Go(func() { _ = p.server.Serve(l) })
}

// kill ends it and all connections to it.
func (p *provider) kill() {
	_ = p.server.Close()
	p.crew.Wait()
}

// change makes it sign by one key, and publish others as well.
func (p *provider) change(signs *signed.Key, publishes ...*signed.Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.signs, p.keys = signs, append([]*signed.Key{signs}, publishes...)
}

// A providerKey is a key as the library wants it.
type providerKey struct {
	of  *signed.Key
	key any
}

func (k providerKey) SignatureAlgorithm() jose.SignatureAlgorithm {
	return jose.SignatureAlgorithm(k.of.Algorithm)
}
func (k providerKey) Algorithm() jose.SignatureAlgorithm { return k.SignatureAlgorithm() }
func (k providerKey) Use() string                        { return "sig" }
func (k providerKey) ID() string                         { return k.of.ID }
func (k providerKey) Key() any                           { return k.key }

func (p *provider) SigningKey(context.Context) (op.SigningKey, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return providerKey{p.signs, p.signs.Private}, nil
}

func (p *provider) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256, jose.ES256}, nil
}

func (p *provider) KeySet(context.Context) (all []op.Key, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range p.keys {
		all = append(all, providerKey{k, k.Public()})
	}
	return all, nil
}

func (p *provider) CreateAccessToken(ctx context.Context, r op.TokenRequest) (string, time.Time, error) {
	id, _, err := p.Storage.CreateAccessToken(ctx, r)
	return id, time.Now().Add(12 * time.Hour), err
}

// A tokenClient gets tokens that can be read.
type tokenClient struct{ op.Client }

func (tokenClient) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }

func (p *provider) ClientCredentials(ctx context.Context, id, secret string) (op.Client, error) {
	c, err := p.Storage.ClientCredentials(ctx, id, secret)
	return tokenClient{c}, err
}

func (p *provider) ClientCredentialsTokenRequest(_ context.Context, id string, scopes []string) (op.TokenRequest, error) {
	return &oidc.JWTTokenRequest{Subject: id, Audience: []string{"orders"}, Scopes: scopes}, nil
}

// token asks the provider for one, as a client application does.
func (p *provider) token(t *testing.T) string {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, address string) (net.Conn, error) { return p.net.Dial(ctx, address) }}}
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"read"}}
	q, _ := http.NewRequestWithContext(t.Context(), "POST", providerURL+"/oauth/token", strings.NewReader(form.Encode()))
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q.SetBasicAuth("sid1", "verysecret")
	resp, err := client.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	var got struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(body, &got); err != nil || strings.Count(got.Token, ".") != 2 {
		t.Fatalf("the provider answers %s %s", resp.Status, body)
	}
	return got.Token
}

// A caller sends requests with a token, one after the other.
type caller struct {
	net  *memnet.Network
	text atomic.Pointer[string]
	seen [600]atomic.Int64 // answers by status
}

// run sends one request a second until stop is closed.
func (c *caller) run(t *testing.T, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(time.Second):
			c.seen[c.send(t)].Add(1)
		}
	}
}

// send sends one request on a connection of its own and returns the status of its answer.
func (c *caller) send(t *testing.T) int {
	conn, err := c.net.Dial(t.Context(), ":8080")
	if err != nil {
		t.Error(err)
		return 0
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET /orders HTTP/1.1\r\nHost: gateway.test\r\nAuthorization: Bearer "+*c.text.Load()+"\r\nConnection: close\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Error(err)
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func (c *caller) with(token string) *caller {
	c.text.Store(&token)
	return c
}

// Tokens of a real provider let requests in while it changes its keys, is killed, and comes back: not one good token is refused, and not
// one bad one passes.
func TestProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network memnet.Network
		key := func(id, algorithm string) *signed.Key {
			k, err := signed.NewKey(id, algorithm)
			if err != nil {
				t.Fatal(err)
			}
			return k
		}
		one, two, three := key("one", "RS256"), key("two", "ES256"), key("three", "RS256")
		p := newProvider(&network, one)
		p.start(t)
		g := providerGateway(t, &network)
		defer g.Close()
		time.Sleep(time.Second)

		first := p.token(t)
		good := (&caller{net: &network}).with(first)
		stop := make(chan struct{})
		var crew sync.WaitGroup
		crew.Go(func() { good.run(t, stop) })
		bad := []*caller{new(caller).with(signed.Flip(first)), new(caller).with(forged(t, key("one", "ES256"))), new(caller).with(forged(t, key("evil", "RS256")))}
		for _, c := range bad {
			c.net = &network
			crew.Go(func() { c.run(t, stop) })
		}
		time.Sleep(2 * time.Minute)

		p.change(one, two) // published before it signs: meanwhile somebody makes up ids of keys, for which they are fetched every 30 s and not more often
		time.Sleep(31 * time.Second)
		p.change(two, one)
		good.with(p.token(t))
		time.Sleep(5 * time.Minute)
		if got := new(caller).with(first); check(got, &network, t) != 200 {
			t.Error("a token of the key before, which is still published, is refused")
		}
		p.change(two) // the old one is gone
		time.Sleep(11 * time.Minute)
		if check(new(caller).with(first), &network, t) != 401 {
			t.Error("a token of a key that is gone passes")
		}
		p.kill()
		time.Sleep(90 * time.Minute)
		p.start(t)
		time.Sleep(time.Minute)
		p.change(two, three)
		time.Sleep(31 * time.Second)
		p.change(three, two)
		good.with(p.token(t))
		time.Sleep(20 * time.Minute)
		p.kill()
		time.Sleep(10 * time.Minute)

		close(stop)
		crew.Wait()
		good.only(t, "good", 200, 8000)
		for _, c := range bad {
			c.only(t, "bad", 401, 8000)
		}
		if got := g.Status().KeySets; len(got) != 1 || !got[0].Usable || got[0].Keys != 2 || got[0].Failures == 0 {
			t.Errorf("the status says %+v", got)
		}
	})
}

func check(c *caller, network *memnet.Network, t *testing.T) int {
	c.net = network
	return c.send(t)
}

// only wants all answers to be of one status, and as many as least.
func (c *caller) only(t *testing.T, name string, status int, least int64) {
	t.Helper()
	for i := range c.seen {
		if n := c.seen[i].Load(); i != status && n > 0 || i == status && n < least {
			t.Errorf("%s: %d answers of status %d", name, n, i)
		}
	}
}

// forged is a token that says what those of the provider say.
func forged(t *testing.T, k *signed.Key) string {
	t.Helper()
	text, err := k.Token(map[string]any{"iss": providerURL, "aud": []string{"orders"}, "sub": "sid1", "exp": time.Now().Add(12 * time.Hour).Unix()})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func providerGateway(t *testing.T, network *memnet.Network) *gateway.Gateway {
	t.Helper()
	g := gateway.New(gateway.Options{
		Listen: func(_, address string) (net.Listener, error) { return network.Listen(address) },
		Dial: func(_, address string, deadline time.Time) (net.Conn, error) {
			ctx, cancel := context.WithDeadline(context.Background(), deadline)
			defer cancel()
			return network.Dial(ctx, address)
		},
		Log: slog.New(slog.DiscardHandler), Stdout: io.Discard,
	})
	if err := g.LoadBytes("config.yaml", []byte(`
listeners: [{ address: ":8080" }]
telemetry: { access_log: off }
routes:
  - match: /orders
    policies: [{ jwt: { issuer: "http://idp", audience: orders, jwks: { allow_http: true } } }]
    respond: { status: 200 }
`)); err != nil {
		t.Fatal(err)
	}
	return g
}
