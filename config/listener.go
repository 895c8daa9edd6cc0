package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"sallyport/certs"
	"sallyport/route"
	"sallyport/schema"
)

// A Listener is a door clients come in by.
type Listener struct {
	Address         string         `json:"address" short:"true" doc:"Host and port, such as 0.0.0.0:8080; :8080 is every address of the machine."`
	Protocols       []string       `json:"protocols" enum:"h1,h2,h2c,h3" doc:"Versions of HTTP: with tls h1 and h2, of which each client chooses one, and by default both; without, h1 and h2c, which is HTTP/2 without TLS, told apart by the first bytes of a client, and by default h1."`
	Hosts           []string       `json:"hosts" doc:"Host names that may be asked for here, such as api.example.com or *.example.com; all when empty. Others get 421."`
	TLS             *ListenerTLS   `json:"tls" doc:"Makes the listener speak TLS."`
	ProxyProtocol   *ProxyProtocol `json:"proxy_protocol" doc:"Learns who the client is from load balancers in front that speak the PROXY protocol, version 1 or 2."`
	RedirectToHTTPS bool           `json:"redirect_to_https" doc:"Answers every request with 308 to the same URL with https."`
}

// ListenerTLS is how a listener speaks TLS.
type ListenerTLS struct {
	Certificates []Certificate `json:"certificates" required:"true" min:"1" doc:"Certificates, picked by the name that a client asks for; the first is for all other clients."`
	MinVersion   string        `json:"min_version" default:"1.2" enum:"1.2,1.3" doc:"The lowest version of TLS."`
	ClientAuth   struct{}      `json:"client_auth" later:"certificates of clients come with authentication"`
	ACME         struct{}      `json:"acme" later:"certificates from an ACME authority come with a later version; for now give cert_file and key_file"`
}

// A Certificate names the files of a certificate and its key.
type Certificate struct {
	CertFile schema.File `json:"cert_file" doc:"PEM file with the certificate and its chain, the server's own first; read again when it changes."`
	KeyFile  schema.File `json:"key_file" doc:"PEM file with the private key, without a passphrase."`

	// Pair is what the files hold, nil when that is wrong.
	Pair *certs.Certificate `json:"-"`
}

// ProxyProtocol says who speaks the PROXY protocol.
type ProxyProtocol struct {
	Trusted []netip.Prefix `json:"trusted" required:"true" min:"1" doc:"Networks of the load balancers that send a PROXY header on every connection; from all others one is refused."`
}

// Check judges the settings of a listener together.
func (l *Listener) Check() error {
	var errs []error
	if err := checkAddress(l.Address); err != nil {
		errs = append(errs, schema.At("address", err))
	}
	for i, p := range l.Protocols {
		if err := l.checkProtocol(p); err != nil {
			errs = append(errs, schema.At(fmt.Sprintf("protocols[%d]", i), err))
		}
	}
	for i, h := range l.Hosts {
		if _, err := route.ParseHost(h); err != nil {
			errs = append(errs, schema.At(fmt.Sprintf("hosts[%d]", i), err))
		}
	}
	if l.RedirectToHTTPS && l.TLS != nil {
		errs = append(errs, schema.At("redirect_to_https", errors.New("the listener has TLS, so there is nothing to redirect; leave it out here and set it on the listener without tls")))
	}
	return errors.Join(errs...)
}

func (l *Listener) checkProtocol(p string) error {
	switch {
	case p == "h3":
		return errors.New("not yet: h3 comes with a later version; write h1 and " + map[bool]string{true: "h2", false: "h2c"}[l.TLS != nil])
	case p == "h2c" && l.TLS != nil:
		return errors.New("h2c is HTTP/2 without TLS, and the listener has tls; write h2")
	case p == "h2" && l.TLS == nil:
		return errors.New("h2 needs tls; without, HTTP/2 is called h2c")
	}
	return nil
}

// Speaks says whether the listener offers a version of HTTP.
func (l *Listener) Speaks(protocol string) bool {
	if len(l.Protocols) > 0 {
		return slices.Contains(l.Protocols, protocol)
	}
	return protocol == "h1" || protocol == "h2" && l.TLS != nil
}

// Check reads the pair.
func (c *Certificate) Check() error {
	if c.CertFile.Data == nil || c.KeyFile.Data == nil {
		return nil // reading said why
	}
	pair, inCertificate, inKey := certs.Parse(c.CertFile.Data, c.KeyFile.Data)
	clear(c.KeyFile.Data)
	c.Pair, c.CertFile.Data, c.KeyFile.Data = pair, nil, nil
	var errs []error
	if inCertificate != nil {
		errs = append(errs, schema.At("cert_file", fmt.Errorf("%s: %w", c.CertFile.Name, inCertificate)))
	}
	if inKey != nil {
		errs = append(errs, schema.At("key_file", fmt.Errorf("%s: %w", c.KeyFile.Name, inKey)))
	}
	return errors.Join(errs...)
}

// checkAddress says what is wrong with host:port.
func checkAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		if n, notNumber := strconv.Atoi(address); notNumber == nil && n > 0 && n < 1<<16 {
			return fmt.Errorf("%q is no address; did you mean %q?", address, ":"+address)
		}
		if strings.Contains(address, "://") {
			return fmt.Errorf("%q is a URL; write host:port, such as 0.0.0.0:8080", address)
		}
		return fmt.Errorf("%q is no address; write host:port, such as 0.0.0.0:8080", address)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || port != strconv.FormatUint(n, 10) {
		return fmt.Errorf("%q is no port; write a number from 1 to 65535", port)
	}
	if host == "" || strings.Contains(host, ":") {
		if _, err := netip.ParseAddr(host); host != "" && err != nil {
			return fmt.Errorf("%q is no IP address", host)
		}
		return nil
	}
	if _, err := route.ParseHost(host); err != nil || strings.HasPrefix(host, "*") {
		return fmt.Errorf("%q is neither an IP address nor a host name", host)
	}
	return nil
}
