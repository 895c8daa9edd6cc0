package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// A contender is one proxy in front of the backend.
type contender struct {
	name string
	port int               // for plain HTTP; see secure
	args []string          // command line
	file map[string]string // configuration files that it needs, by name in the work directory
	memo string            // how it is set up, for the results page

	needs   string                 // a file without which it is left out
	prepare func(dir string) error // makes what its configuration refers to
}

const backendPort = 9100

// secure is what TLS adds to a port. All contenders have TLS 1.3 with AES-128 and a key on P-256: what they would choose by themselves
// differs.
const secure = 1000

// contenders lists who takes part, the one that ratios refer to first.
func contenders(dir string) []contender {
	path := func(name string) string { return filepath.Join(dir, name) }
	return []contender{
		{name: "nginx", port: 9001, args: []string{"nginx", "-c", path("nginx.conf")}, memo: "Debian's, 1 worker, keep-alive to the backend, log off",
			file: map[string]string{"nginx.conf": nginx(dir, 9001, "")}},
		{name: "nginx tuned", port: 9002, args: []string{"nginx", "-c", path("nginx-tuned.conf")}, memo: "the same with proxy_buffers 16 16k and no temporary files",
			file: map[string]string{"nginx-tuned.conf": nginx(dir, 9002, "proxy_buffers 16 16k; proxy_buffer_size 16k; proxy_max_temp_file_size 0;")}},
		{name: "haproxy", port: 9003, args: []string{"haproxy", "-f", path("haproxy.cfg")}, memo: "Debian's, 1 thread, http-reuse always",
			file: map[string]string{"haproxy.cfg": haproxy(dir, 9003)}},
		{name: "sallyport", port: 9004, args: []string{"bin/sallyport", "run", "-c", path("plain.yaml")}, memo: "one route, access log off, metrics on as always",
			file: map[string]string{"plain.yaml": sallyport(dir, 9004, 9904, "off", "")}},
		{name: "sallyport chain", port: 9005, args: []string{"bin/sallyport", "run", "-c", path("chain.yaml")}, memo: "ip_filter, headers, rate_limit, metrics, access log to /dev/null",
			file: map[string]string{"chain.yaml": sallyport(dir, 9005, 9905, "/dev/null", chain)}},
		{name: "net/http", port: 9006, args: []string{path("reverseproxy"), "127.0.0.1:9006", fmt.Sprintf("http://127.0.0.1:%d", backendPort)}, memo: "httputil.ReverseProxy, tuned pool and buffers"},
		{name: "caddy", port: 9007, args: []string{"caddy", "run", "--adapter", "caddyfile", "--config", path("Caddyfile")}, memo: "Debian's, reverse_proxy, no log",
			file: map[string]string{"Caddyfile": caddy(dir, 9007)}},
	}
}

func nginx(dir string, port int, more string) string {
	return fmt.Sprintf(`worker_processes 1; daemon off; master_process off;
pid %[1]s/nginx-%[2]d.pid; error_log %[1]s/nginx.err crit;
events { worker_connections 16384; }
http {
  access_log off; keepalive_requests 1000000000; keepalive_timeout 300s; tcp_nodelay on;
  client_body_temp_path %[1]s/nb; proxy_temp_path %[1]s/np; fastcgi_temp_path %[1]s/nf; uwsgi_temp_path %[1]s/nu; scgi_temp_path %[1]s/ns;
  upstream backend { server 127.0.0.1:%[3]d; keepalive 1024; keepalive_requests 1000000000; keepalive_timeout 300s; }
  server {
    listen 127.0.0.1:%[2]d backlog=4096;
    listen 127.0.0.1:%[5]d ssl http2 backlog=4096; ssl_certificate %[1]s/cert.pem; ssl_certificate_key %[1]s/key.pem; ssl_protocols TLSv1.3;
    ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
    location / { proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; %[4]s }
  }
}
`, dir, port, backendPort, more, port+secure)
}

func haproxy(dir string, port int) string {
	return fmt.Sprintf(`global
  maxconn 9000
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  timeout http-keep-alive 300s
  option http-keep-alive
  option forwardfor
  http-reuse always
frontend f
  bind 127.0.0.1:%d backlog 4096
  bind 127.0.0.1:%d ssl crt %s/both.pem alpn h2,http/1.1 ssl-min-ver TLSv1.3 ciphersuites TLS_AES_128_GCM_SHA256 backlog 4096
  default_backend b
backend b
  server s1 127.0.0.1:%d pool-max-conn -1 pool-purge-delay 300s
`, port, port+secure, dir, backendPort)
}

func caddy(dir string, port int) string {
	return fmt.Sprintf(`{
	admin off
	auto_https off
}
http://:%[1]d {
	reverse_proxy 127.0.0.1:%[2]d
}
https://127.0.0.1:%[3]d {
	tls %[4]s/cert.pem %[4]s/key.pem
	reverse_proxy 127.0.0.1:%[2]d
}
`, port, backendPort, port+secure, dir)
}

const chain = `
      - ip_filter: { deny: [192.0.2.0/24, 2001:db8::/32] }
      - headers: { request: { set: { X-Gateway: sallyport } }, response: { set: { X-Frame-Options: DENY } } }
      - rate_limit: { rate: 1000000/s }`

func sallyport(dir string, port, admin int, log, policies string) string {
	if policies != "" {
		policies = "\n    policies:" + policies
	}
	return fmt.Sprintf(`listeners:
  - { address: "127.0.0.1:%d" }
  - { address: "127.0.0.1:%d", tls: { certificates: [{ cert_file: cert.pem, key_file: key.pem }], min_version: "1.3" } }
admin: { address: "127.0.0.1:%d" }
telemetry: { access_log: { path: %q } }
limits: { connections_per_client: 4096 }
upstreams:
  backend: { targets: ["http://127.0.0.1:%d"], max_connections: 4096, host: preserve }
routes:
  - match: "/{path...}"%s
    upstream: backend
`, port, port+secure, admin, log, backendPort, policies)
}

// there says whether c can take part on this machine.
func (c *contender) there() bool {
	if c.needs == "" {
		return true
	}
	_, err := os.Stat(c.needs)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s is left out: %v\n", c.name, err)
	}
	return err == nil
}

// write puts the configuration of c into dir.
func (c *contender) write(dir string) error {
	if c.prepare != nil {
		if err := c.prepare(dir); err != nil {
			return err
		}
	}
	for name, text := range c.file {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
