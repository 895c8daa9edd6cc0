package test

import (
	"bytes"
	"context"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"sallyport/aws"
	"sallyport/gateway"
	"sallyport/schema"
	"sallyport/telemetry"
)

// A gate is the gateway of a script: the real one, with the network in memory around it.
type gate struct {
	*gateway.Gateway
	player *player
	out    text // access log and log

	mu    sync.Mutex // guards below
	doors []string   // in the order in which they were opened
}

func newGate(p *player) *gate {
	g := &gate{player: p}
	o := gateway.Options{Listen: g.listen, Dial: g.dial, ReadFile: p.read, Stdout: &g.out, Stderr: &g.out, Version: "test", Strain: telemetry.Calm, Functions: &bench{lab: p.lab}, Credentials: credentials}
	if p.names != nil {
		o.Resolver = p.names
	}
	g.Gateway = gateway.New(o)
	return g
}

// credentials are those of scripts, the same as in Amazon's documentation.
func credentials(context.Context, string) (aws.Keys, error) {
	return aws.Keys{ID: schema.NewSecret("AKIDEXAMPLE"), Secret: schema.NewSecret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), From: "the script"}, nil
}

func (g *gate) listen(_, address string) (net.Listener, error) {
	l, err := g.player.net.Listen(address)
	g.mu.Lock()
	defer g.mu.Unlock()
	if err == nil && !slices.Contains(g.doors, address) {
		g.doors = append(g.doors, address)
	}
	return l, err
}

func (g *gate) dial(_, address string, deadline time.Time) (net.Conn, error) {
	if !g.isDoor(address) {
		if _, err := g.player.backend(address); err != nil {
			return nil, err
		}
	}
	if deadline.IsZero() {
		deadline = time.Now().Add(patience)
	}
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	return g.player.net.Dial(ctx, address)
}

// isDoor says whether the gateway itself listens there.
func (g *gate) isDoor(address string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Contains(g.doors, address)
}

// door returns the listener that requests go to when they do not say.
func (g *gate) door() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.doors) == 0 {
		return ""
	}
	return g.doors[0]
}

// log returns all that was written so far; the access log is written behind the requests' backs, a little later.
func (g *gate) log() string {
	time.Sleep(5 * time.Second)
	return g.out.String()
}

func (g *gate) scrape() string {
	w := httptest.NewRecorder()
	g.Metrics().Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

// A text is a buffer that many may write to.
type text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (t *text) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(p)
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Clone(t.b.String())
}
