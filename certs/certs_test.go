package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// An entity is a certificate with its key.
type entity struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func (e *entity) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: e.cert.Raw})
}

func (e *entity) keyPEM(t testing.TB) []byte {
	t.Helper()
	b, err := x509.MarshalPKCS8PrivateKey(e.key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b})
}

// issue makes a certificate, signed by issuer or by itself.
func issue(t testing.TB, issuer *entity, key crypto.Signer, set func(*x509.Certificate), names ...string) *entity {
	t.Helper()
	if key == nil {
		key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<60))
	x := &x509.Certificate{
		SerialNumber: serial, DNSNames: names, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if len(names) > 0 {
		x.Subject = pkix.Name{CommonName: names[0]}
	}
	if set != nil {
		set(x)
	}
	parent, signer := x, key
	if issuer != nil {
		parent, signer = issuer.cert, issuer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, x, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &entity{cert, key}
}

func authority(x *x509.Certificate) {
	x.IsCA, x.BasicConstraintsValid, x.KeyUsage = true, true, x509.KeyUsageCertSign
	x.Subject = pkix.Name{CommonName: "authority " + x.SerialNumber.String()}
}

func parsed(t testing.TB, e *entity) *Certificate {
	t.Helper()
	c, a, b := Parse(e.pem(), e.keyPEM(t))
	if a != nil || b != nil {
		t.Fatal(a, b)
	}
	return c
}

func TestParse(t *testing.T) {
	root := issue(t, nil, nil, authority)
	middle := issue(t, root, nil, authority)
	leaf := issue(t, middle, nil, nil, "api.example.com")
	other := issue(t, nil, nil, nil, "other.example.com")
	weak, _ := rsa.GenerateKey(rand.Reader, 1024)
	short := issue(t, nil, weak, nil, "weak.example.com")
	strong, _ := rsa.GenerateKey(rand.Reader, 2048)
	old := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(strong)})
	_, edwards, _ := ed25519.GenerateKey(rand.Reader)
	sec1, _ := x509.MarshalECPrivateKey(leaf.key.(*ecdsa.PrivateKey))
	join := func(parts ...[]byte) []byte { return slices.Concat(parts...) }
	key := leaf.keyPEM(t)
	tests := []struct {
		name      string
		cert, key []byte
		certErr   string
		keyErr    string
	}{
		{"alone", leaf.pem(), key, "", ""},
		{"with its chain", join(leaf.pem(), middle.pem()), key, "", ""},
		{"with its root", join(leaf.pem(), middle.pem(), root.pem()), key, "", ""},
		{"both in one file", join(key, leaf.pem(), middle.pem()), join(key, leaf.pem(), middle.pem()), "", ""},
		{"with words around", join([]byte("subject=api\n"), leaf.pem()), join([]byte("mine:\n"), key), "", ""},
		{"an old form of RSA", issue(t, nil, strong, nil, "a.test").pem(), old, "", ""},
		{"an old form of EC", leaf.pem(), join(pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 0}}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})), "", ""},
		{"Ed25519", issue(t, nil, edwards, nil, "a.test").pem(), (&entity{key: edwards}).keyPEM(t), "", ""},
		{"the chain in a wrong order", join(leaf.pem(), root.pem(), middle.pem()), key, "certificate number 2 in the file (CN=authority", ""},
		{"the chain of another", join(leaf.pem(), other.pem()), key, "did not issue the one before it (CN=api.example.com)", ""},
		{"the chain first", join(middle.pem(), leaf.pem()), key, "is number 2 in the file; the server's own must be first", ""},
		{"the key of another", leaf.pem(), other.keyPEM(t), "", "the key does not belong to the certificate"},
		{"swapped", key, leaf.pem(), "this is what key_file is for", "this is what cert_file is for"},
		{"no PEM", leaf.cert.Raw, []byte("x"), "there is no certificate in the file", "there is no private key in the file"},
		{"an encrypted key", leaf.pem(), pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")}), "", "the key is encrypted"},
		{"an old encrypted key", leaf.pem(), pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"DEK-Info": "AES-128-CBC,00"}, Bytes: []byte("x")}), "", "the key is encrypted"},
		{"half a key", leaf.pem(), key[:len(key)/2], "", "there is no private key in the file"},
		{"half a key in PEM", leaf.pem(), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: sec1[:40]}), "", "the private key cannot be read"},
		{"a broken certificate", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.cert.Raw[:100]}), key, "certificate number 1 in the file cannot be read", ""},
		{"a weak key", short.pem(), short.keyPEM(t), "", "the RSA key has 1024 bits"},
	}
	for _, tt := range tests {
		c, certErr, keyErr := Parse(tt.cert, tt.key)
		for _, e := range []struct {
			err  error
			want string
		}{{certErr, tt.certErr}, {keyErr, tt.keyErr}} {
			if (e.err == nil) != (e.want == "") || e.err != nil && !strings.Contains(e.err.Error(), e.want) {
				t.Errorf("%s: got %v, want %q", tt.name, e.err, e.want)
			}
		}
		if ok := certErr == nil && keyErr == nil; ok != (c != nil) {
			t.Errorf("%s: %v with %v, %v", tt.name, c, certErr, keyErr)
		}
	}
}

func TestUnwise(t *testing.T) {
	for want, e := range map[string]*entity{
		"":            issue(t, nil, nil, nil, "a.test"),
		"expired at":  issue(t, nil, nil, func(x *x509.Certificate) { x.NotAfter = time.Now().Add(-time.Minute) }, "a.test"),
		"valid from":  issue(t, nil, nil, func(x *x509.Certificate) { x.NotBefore = time.Now().Add(time.Minute) }, "a.test"),
		"not for ser": issue(t, nil, nil, func(x *x509.Certificate) { x.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, "a.test"),
		"no host":     issue(t, nil, nil, func(x *x509.Certificate) { x.Subject.CommonName = "a.test" }),
	} {
		got := strings.Join(parsed(t, e).Unwise(time.Now()), "; ")
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// shake makes a handshake between terms and a client, and returns what each of them sees, and the server's error.
func shake(t *testing.T, terms *Terms, client *tls.Config) (server, seen tls.ConnectionState, failed error) {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	client.InsecureSkipVerify = true
	s, c := tls.Server(far, terms.Config()), tls.Client(near, client)
	done := make(chan error, 1)
	go func() {
		err := s.Handshake()
		if err == nil {
			_, err = s.Write([]byte("x")) // behind the tickets
		}
		done <- err
	}()
	if err := c.Handshake(); err == nil {
		_, _ = c.Read(make([]byte, 1))
	}
	_ = near.Close()
	failed = <-done
	return s.ConnectionState(), c.ConnectionState(), failed
}

func TestPick(t *testing.T) {
	rsaKey, _ := rsa.GenerateKey(rand.Reader, 2048)
	first := parsed(t, issue(t, nil, nil, nil, "first.test"))
	wild := parsed(t, issue(t, nil, nil, nil, "*.Shop.test", "shop.test"))
	exact := parsed(t, issue(t, nil, nil, nil, "a.shop.test"))
	ecdsaOne := parsed(t, issue(t, nil, nil, nil, "both.test"))
	rsaOne := parsed(t, issue(t, nil, rsaKey, nil, "both.test"))
	terms := NewTerms(NewSet([]*Certificate{first, wild, exact, ecdsaOne, rsaOne}), tls.VersionTLS12, nil, nil)
	rsaOnly := &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}}
	for _, tt := range []struct {
		name   string
		client *tls.Config
		want   *Certificate
	}{
		{"", nil, first}, {"first.test", nil, first}, {"unknown.test", nil, first}, {"test", nil, first},
		{"shop.test", nil, wild}, {"b.shop.test", nil, wild}, {"B.SHOP.TEST", nil, wild}, {"a.b.shop.test", nil, first}, {".shop.test", nil, first},
		{"a.shop.test", nil, exact}, {"both.test", nil, ecdsaOne}, {"both.test", rsaOnly, rsaOne},
	} {
		client := tt.client
		if client == nil {
			client = &tls.Config{}
		}
		client = client.Clone()
		client.ServerName = tt.name
		_, seen, err := shake(t, terms, client)
		if err != nil && tt.name != ".shop.test" {
			t.Errorf("%q: %v", tt.name, err)
		} else if err == nil && !seen.PeerCertificates[0].Equal(tt.want.Leaf) {
			t.Errorf("%q: got the certificate of %v, want %v", tt.name, seen.PeerCertificates[0].DNSNames, tt.want.Names)
		}
	}
}

// What is offered is what Mozilla calls intermediate.
func TestOffer(t *testing.T) {
	terms := NewTerms(NewSet([]*Certificate{parsed(t, issue(t, nil, nil, nil, "a.test"))}), tls.VersionTLS12, []string{"http/1.1"}, nil)
	modern := NewTerms(terms.Set(), tls.VersionTLS13, []string{"h2", "http/1.1"}, terms)
	for name, tt := range map[string]struct {
		terms  *Terms
		client *tls.Config
		want   bool
	}{
		"TLS 1.1":                 {terms, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
		"TLS 1.2":                 {terms, &tls.Config{MaxVersion: tls.VersionTLS12}, true},
		"TLS 1.2 where 1.3 is":    {modern, &tls.Config{MaxVersion: tls.VersionTLS12}, false},
		"TLS 1.3":                 {modern, &tls.Config{}, true},
		"CBC":                     {terms, &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}, false},
		"no forward secrecy":      {terms, &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}, false},
		"P-521":                   {terms, &tls.Config{CurvePreferences: []tls.CurveID{tls.CurveP521}}, false},
		"X25519":                  {terms, &tls.Config{CurvePreferences: []tls.CurveID{tls.X25519}}, true},
		"post-quantum":            {terms, &tls.Config{CurvePreferences: []tls.CurveID{tls.X25519MLKEM768}}, true},
		"a protocol that is here": {modern, &tls.Config{NextProtos: []string{"http/1.1"}}, true},
		"a protocol that is not":  {terms, &tls.Config{NextProtos: []string{"h2"}}, false},
	} {
		if _, _, err := shake(t, tt.terms, tt.client); (err == nil) != tt.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A session is resumed where it was made, for the host for which it was made: elsewhere everything is asked for anew.
func TestResumption(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		all := parsed(t, issue(t, nil, nil, nil, "a.test", "b.test"))
		set := NewSet([]*Certificate{all})
		terms := NewTerms(set, tls.VersionTLS12, nil, nil)
		cache := oneSession{tls.NewLRUClientSessionCache(4)}
		client := func(name string) *tls.Config {
			return &tls.Config{ServerName: name, MinVersion: version, MaxVersion: version, ClientSessionCache: cache}
		}
		resumed := func(terms *Terms, name string) bool {
			s, _, err := shake(t, terms, client(name))
			if err != nil {
				t.Error(err)
			}
			return s.DidResume
		}
		if resumed(terms, "a.test") {
			t.Error("a first session is resumed")
		}
		if !resumed(terms, "a.test") {
			t.Error("a session is not resumed")
		}
		if resumed(terms, "b.test") {
			t.Error("a session is resumed for another host")
		}
		if !resumed(terms, "b.test") {
			t.Error("a session is not resumed")
		}
		same := NewTerms(NewSet([]*Certificate{all}), tls.VersionTLS12, nil, terms)
		if !resumed(same, "b.test") {
			t.Error("a session does not outlive a reload")
		}
		if other := NewTerms(set, tls.VersionTLS12, nil, nil); resumed(other, "b.test") {
			t.Error("a session is resumed at another listener")
		}
		if version == tls.VersionTLS13 {
			resumed(terms, "a.test")
			if stricter := NewTerms(set, tls.VersionTLS13, nil, terms); resumed(stricter, "a.test") {
				t.Error("a session is resumed under other terms")
			}
		}
	}
}

// A oneSession is a cache that offers every server the last session: a client up to no good.
type oneSession struct{ tls.ClientSessionCache }

func (o oneSession) Get(string) (*tls.ClientSessionState, bool) { return o.ClientSessionCache.Get("") }
func (o oneSession) Put(_ string, s *tls.ClientSessionState)    { o.ClientSessionCache.Put("", s) }

func TestTicketKeysTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var k Tickets
		begin, _ := k.turn(time.Now())
		first := begin[0]
		for day := range 20 {
			keys, next := k.turn(time.Now())
			if want := min(day+1, 7); len(keys) != want {
				t.Errorf("day %d: %d keys, want %d", day, len(keys), want)
			}
			if kept := slices.Contains(keys, first); kept != (day < 7) {
				t.Errorf("day %d: the first key is there: %v", day, kept)
			}
			if left := time.Until(next); left != 24*time.Hour {
				t.Errorf("day %d: the next turn is in %v", day, left)
			}
			time.Sleep(12 * time.Hour)
			if again, _ := k.turn(time.Now()); again[0] != keys[0] {
				t.Errorf("day %d: a key lived half a day", day)
			}
			time.Sleep(12 * time.Hour)
		}
		time.Sleep(100 * 24 * time.Hour)
		if keys, _ := k.turn(time.Now()); len(keys) != 1 {
			t.Errorf("after a long silence there are %d keys", len(keys))
		}
	})
}
