// Package invoke has functions that run in AWS answer events, by the Invoke API of Lambda: plain HTTP, signed by package aws.
//
// invoke.go is the functions by name, call.go a call, refusal.go what Amazon says instead of an answer, stream.go results that come in
// parts, frames.go how those are packed.
package invoke

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/aws"
	"sallyport/function"
	"sallyport/policy"
	"sallyport/wire/h1"
	"sallyport/wire/socket"
)

// Options are what functions need of the world.
type Options struct {
	Log   *slog.Logger
	Dial  func(network, address string, deadline time.Time) (net.Conn, error) // nil is the network
	Find  aws.Finder                                                          // of credentials; nil is as Amazon's tools do
	Roots *x509.CertPool                                                      // whom to trust for https; nil is the machine's
}

// A Registry owns the functions that a gateway calls in AWS: their connections, credentials and counts outlive the documents that name them.
type Registry struct {
	o Options

	mu          sync.Mutex                  // guards what follows
	live        map[string]*Function        // in service
	credentials map[string]*aws.Credentials // by region
}

// NewRegistry makes a registry that calls nobody yet.
func NewRegistry(o Options) *Registry {
	if o.Dial == nil {
		o.Dial = dial
	}
	if o.Find == nil {
		o.Find = aws.Chain(o.Log)
	}
	return &Registry{o: o, live: map[string]*Function{}, credentials: map[string]*aws.Credentials{}}
}

// probes keep what stands between from forgetting a connection on which a function takes its time.
const probes = 30 * time.Second

func dial(network, address string, deadline time.Time) (net.Conn, error) {
	d := net.Dialer{Deadline: deadline, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: probes, Interval: probes}}
	return d.Dial(network, address)
}

// A Function is one that runs in AWS.
type Function struct {
	registry    *Registry
	name        string // in the document
	timeout     time.Duration
	aws         *function.AWS
	host, path  string // of a call: the field Host, and what it is for
	pool        *h1.Pool
	credentials *aws.Credentials
	counts      *counts
}

// counts are those of one name, whatever documents say of it.
type counts struct {
	calls, errors, malformed, crashes, timeouts, throttled, refused, unreached atomic.Uint64
}

// idle is how long a connection without calls is kept: less than Amazon does, so that no call meets one that is about to be closed.
const idle = 20 * time.Second

// Prepare returns the function of that name. It does nothing before its first call; one in service at the same place shares its connections.
func (r *Registry) Prepare(name string, c *function.Config) *Function {
	r.mu.Lock()
	defer r.mu.Unlock()
	secure, host, address := place(c.AWS)
	f := &Function{registry: r, name: name, timeout: c.Timeout, aws: c.AWS, host: host, path: pathOf(c.AWS), counts: &counts{}}
	if f.credentials = r.credentials[c.AWS.Region]; f.credentials == nil {
		f.credentials = aws.NewCredentials(c.AWS.Region, r.o.Find, r.o.Log)
		r.credentials[c.AWS.Region] = f.credentials
	}
	if before := r.live[name]; before != nil {
		f.counts = before.counts
		if was, at, _ := place(before.aws); was == secure && at == host {
			f.pool = before.pool
			return f
		}
	}
	f.pool = h1.NewPool(h1.PoolOptions{Dial: r.dialer(secure, address), IdleTimeout: idle})
	return f
}

// dialer returns what makes connections to an address, by TLS if it is to be secure.
func (r *Registry) dialer(secure bool, address string) func(by time.Time) (net.Conn, error) {
	if !secure {
		return func(by time.Time) (net.Conn, error) { return r.o.Dial("tcp", address, by) }
	}
	name, _, _ := net.SplitHostPort(address)
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: r.o.Roots, ServerName: name, ClientSessionCache: tls.NewLRUClientSessionCache(64)}
	return func(by time.Time) (net.Conn, error) {
		c, err := r.o.Dial("tcp", address, by)
		if err != nil {
			return nil, err
		}
		s := socket.Client(c, config)
		if err := s.Handshake(by); err != nil {
			_ = c.Close()
			return nil, err
		}
		return s, nil
	}
}

// place is where Lambda's API is: host as it is called, address to connect to.
func place(a *function.AWS) (secure bool, host, address string) {
	u := a.Endpoint
	if u == nil {
		host = "lambda." + a.Region + "." + domain(a.Region)
		return true, host, host + ":443"
	}
	secure = u.Scheme == "https"
	usual := "80"
	if secure {
		usual = "443"
	}
	host, port := u.Host, u.Port()
	if port == usual || port == "" { // which is not signed
		host, port = strings.TrimSuffix(strings.TrimSuffix(u.Host, ":"), ":"+usual), usual
	}
	return secure, strings.ToLower(host), net.JoinHostPort(u.Hostname(), port)
}

// domains are those of Amazon's partitions, by how their regions begin.
var domains = []struct{ prefix, domain string }{
	{"cn-", "amazonaws.com.cn"}, {"us-iso-", "c2s.ic.gov"}, {"us-isob-", "sc2s.sgov.gov"}, {"us-isof-", "csp.hci.ic.gov"},
	{"eu-isoe-", "cloud.adc-e.uk"}, {"eusc-", "amazonaws.eu"},
}

func domain(region string) string {
	for _, d := range domains {
		if strings.HasPrefix(region, d.prefix) {
			return d.domain
		}
	}
	return "amazonaws.com"
}

// pathOf is what a call is for. Colons of an ARN are encoded, as Amazon's own clients do.
func pathOf(a *function.AWS) string {
	name := strings.ReplaceAll(a.Target(), ":", "%3A")
	path := "/2015-03-31/functions/" + name + "/invocations"
	if a.Stream {
		path = "/2021-11-15/functions/" + name + "/response-streaming-invocations"
	}
	if a.Qualifier != "" {
		path += "?Qualifier=" + strings.ReplaceAll(a.Qualifier, "$", "%24")
	}
	return path
}

// Name returns the name in the document.
func (f *Function) Name() string { return f.name }

// Credentials are what its calls are signed with; somebody has to keep them.
func (f *Function) Credentials() *aws.Credentials { return f.credentials }

// Malformed counts an answer that turned out to be no response.
func (f *Function) Malformed() { f.counts.malformed.Add(1) }

// Facts say where it runs.
func (f *Function) Facts() []policy.Fact {
	facts := []policy.Fact{{Name: "runs", Value: "in AWS, " + f.aws.Region}, {Name: "function", Value: f.aws.Target()}}
	if f.aws.Qualifier != "" {
		facts = append(facts, policy.Fact{Name: "qualifier", Value: f.aws.Qualifier})
	}
	return append(facts, policy.Fact{Name: "call", Value: "POST " + f.path + " at " + f.host})
}

// Serve puts functions in service, by name, in place of those that are.
func (r *Registry) Serve(set map[string]*Function) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, f := range r.live {
		if set[name] == nil || set[name].pool != f.pool {
			f.pool.Close()
		}
	}
	r.live = maps.Clone(set)
}

// Close closes the connections that no call has.
func (r *Registry) Close() { r.Serve(map[string]*Function{}) }

// Statuses lists the functions in service by name.
func (r *Registry) Statuses() (all []function.Status) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(r.live)) {
		c := r.live[name].counts
		all = append(all, function.Status{
			Name: name, Runtime: function.InAWS, Calls: c.calls.Load(), Errors: c.errors.Load(), Malformed: c.malformed.Load(), Crashes: c.crashes.Load(), Timeouts: c.timeouts.Load(),
			Throttled: c.throttled.Load(), Refused: c.refused.Load(), Unreached: c.unreached.Load(),
		})
	}
	return all
}
