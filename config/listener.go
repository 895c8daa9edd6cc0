package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"sallyport/route"
	"sallyport/schema"
)

// A Listener is a door clients come in by.
type Listener struct {
	Address         string   `json:"address" short:"true" doc:"Host and port, such as 0.0.0.0:8080; :8080 is every address of the machine."`
	Protocols       []string `json:"protocols" enum:"h1,h2,h2c,h3" doc:"Versions of HTTP: h1, and h2c, which is HTTP/2 without TLS; with both, the first bytes of a client tell. By default h1."`
	Hosts           []string `json:"hosts" doc:"Host names that may be asked for here, such as api.example.com or *.example.com; all when empty. Others get 421."`
	TLS             struct{} `json:"tls" later:"listeners with TLS come with HTTP/2"`
	ProxyProtocol   struct{} `json:"proxy_protocol" later:"the PROXY protocol comes with TLS"`
	RedirectToHTTPS struct{} `json:"redirect_to_https" later:"it comes with TLS"`
}

// Check judges the settings of a listener together.
func (l *Listener) Check() error {
	var errs []error
	if err := checkAddress(l.Address); err != nil {
		errs = append(errs, schema.At("address", err))
	}
	for i, p := range l.Protocols {
		if p != "h1" && p != "h2c" {
			errs = append(errs, schema.At(fmt.Sprintf("protocols[%d]", i), fmt.Errorf("not yet: %s comes with TLS; write h1 or h2c", p)))
		}
	}
	for i, h := range l.Hosts {
		if _, err := route.ParseHost(h); err != nil {
			errs = append(errs, schema.At(fmt.Sprintf("hosts[%d]", i), err))
		}
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
