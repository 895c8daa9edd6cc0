package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// This file is HTTP/2: a certificate for everybody, and h2load.

// certificate writes one for loopback into dir: cert.pem, key.pem, and both.pem for those that want them in one.
func certificate(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	c := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	k := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	for name, data := range map[string][]byte{"cert.pem": c, "key.pem": k, "both.pem": append(append([]byte(nil), c...), k...)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

var (
	finished  = regexp.MustCompile(`finished in [\d.]+m?s, ([\d.]+) req/s`)
	succeeded = regexp.MustCompile(`(\d+) done, (\d+) succeeded, (\d+) failed`)
	mean      = regexp.MustCompile(`time for request:\s+\S+\s+\S+\s+([\d.]+)(us|ms|s)`)
)

// load2 runs h2load against a port. It tells no percentiles; the mean stands in for the 50th.
func load2(k kase, port int, p *process, seconds int) (s sample, err error) {
	args := slices.Concat([]string{"-c", "1"}, priority, []string{"h2load", "-t1", "-c" + strconv.Itoa(k.conns), "-m" + strconv.Itoa(k.h2), "-D" + strconv.Itoa(seconds)})
	for _, h := range slices.Concat(headers[1:], k.headers) {
		args = append(args, "-H", h)
	}
	args = append(args, fmt.Sprintf("https://127.0.0.1:%d%s", port, k.path))
	before := usage(p.cmd.Process.Pid)
	out, err := exec.Command("taskset", args...).CombinedOutput()
	if err != nil {
		return s, fmt.Errorf("%w: %s", err, out)
	}
	after := usage(p.cmd.Process.Pid)
	done, rate, times := succeeded.FindSubmatch(out), finished.FindSubmatch(out), mean.FindSubmatch(out)
	if done == nil || rate == nil || string(done[3]) != "0" || string(done[1]) != string(done[2]) {
		return s, fmt.Errorf("failures: %s", out)
	}
	n, _ := strconv.ParseFloat(string(done[2]), 64)
	if n == 0 {
		return s, fmt.Errorf("no request was answered: %s", out)
	}
	s.rate, _ = strconv.ParseFloat(string(rate[1]), 64)
	if times != nil {
		s.p50, _ = strconv.ParseFloat(string(times[1]), 64)
		s.p50 *= map[string]float64{"us": 1e-3, "ms": 1, "s": 1e3}[string(times[2])]
	}
	s.uses(before, after, n)
	return s, nil
}
