package config

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"sallyport/schema"
)

// Admin is the listener for those who run the gateway.
type Admin struct {
	Address string       `json:"address" short:"true" default:"127.0.0.1:9901" doc:"Host and port of this machine, on loopback only; off for none."`
	Tokens  []AdminToken `json:"tokens" max:"100" doc:"Who may do what under /api/; when there are none, one for everything is made at the first start and kept in the data directory."`
	TLS     struct{}     `json:"tls" later:"TLS comes with admin listeners for other machines; until then the admin listener is open to this machine alone"`

	// Given says that the document has an address; the default one may be taken without that being an error.
	Given bool `json:"-"`
}

// Off says that there shall be no admin listener.
func (a *Admin) Off() bool { return a.Address == "off" }

// An AdminToken is what somebody shows to be let in, and what that lets them do.
type AdminToken struct {
	Name  string        `json:"name" min:"1" max:"64" doc:"The name in the log, where every change says who made it."`
	Role  string        `json:"role" required:"true" enum:"viewer,operator,admin" doc:"What it is good for: viewer reads, operator also reloads the document and drains targets, admin may do all."`
	Value schema.Secret `json:"value" default:"" doc:"The token itself, 16 characters or more, usually ${env.NAME}."`
	Hash  string        `json:"hash" default:"" doc:"In place of the token, sha256: and its SHA-256 as 64 hexadecimal digits."`
}

// hashPrefix begins the hash of a token.
const hashPrefix = "sha256:"

// minToken is what a token needs so that nobody guesses it.
const minToken = 16

// Check judges the settings of a token together.
func (t *AdminToken) Check() error {
	if err := checkName(t.Name); err != nil {
		return schema.At("name", err)
	}
	switch {
	case t.Value.Empty() && t.Hash == "":
		return errors.New("a token needs its value, such as ${env.ADMIN_TOKEN}, or its hash")
	case !t.Value.Empty() && t.Hash != "":
		return errors.New("a token has value or hash, not both; remove one of the two")
	case t.Hash != "":
		digits, ok := strings.CutPrefix(t.Hash, hashPrefix)
		if b, err := hex.DecodeString(digits); !ok || err != nil || len(b) != 32 {
			return schema.At("hash", errors.New("this is no hash of a token; write sha256: and 64 hexadecimal digits, which printf %s TOKEN | sha256sum makes"))
		}
	case len(t.Value.Reveal()) < minToken:
		return schema.At("value", fmt.Errorf("the token has fewer than %d characters; openssl rand -hex 32 makes a good one", minToken))
	}
	return nil
}

// Sum is the SHA-256 of a token that was given by its hash.
func (t *AdminToken) Sum() []byte {
	b, _ := hex.DecodeString(strings.TrimPrefix(t.Hash, hashPrefix)) // Check has seen it
	return b
}

// Check judges the admin listener.
func (a *Admin) Check() error {
	var errs []error
	first := map[string]int{}
	for i, t := range a.Tokens {
		if j, twice := first[t.Name]; twice && t.Name != "" {
			errs = append(errs, schema.At(schema.Index("tokens", i)+".name", fmt.Errorf("tokens[%d] is named %q as well; rename one of the two", j, t.Name)))
			continue
		}
		first[t.Name] = i
	}
	return errors.Join(append(errs, a.checkAddress())...)
}

func (a *Admin) checkAddress() error {
	if a.Off() {
		return nil
	}
	if err := checkAddress(a.Address); err != nil {
		return schema.At("address", err)
	}
	host, _, _ := net.SplitHostPort(a.Address)
	if ip, err := netip.ParseAddr(host); host == "localhost" || err == nil && ip.Unmap().IsLoopback() {
		return nil
	}
	return schema.At("address", errors.New("not yet: the admin listener has no TLS for now and is for this machine alone; write such as 127.0.0.1:9901"))
}
