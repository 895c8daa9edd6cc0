package main

import (
	"encoding/base64"
	"fmt"
	"path/filepath"
)

// This file is who takes part where policies are compared: what others do with less, and ours, together and each alone.

// withPolicies lists the contenders with policies.
func withPolicies(dir, peers string, id *visitor) []contender {
	path := func(name string) string { return filepath.Join(dir, name) }
	cs := []contender{
		{name: "nginx + lua", port: 9020, args: []string{"nginx", "-c", path("nginx-lua.conf")}, needs: "/usr/lib/nginx/modules/ngx_http_lua_module.so",
			memo: "Debian's; the token is looked up in a table, GCRA, counter and histogram in Lua, JSON log to /dev/null through 64 KiB",
			file: map[string]string{"nginx-lua.conf": lua(dir, 9020), "token.txt": id.token}},
		{name: "skipper", port: 9021, needs: filepath.Join(peers, "skipper"), memo: "v0.27.50; clientRatelimit by Authorization, metrics by route, JSON log to /dev/null; nothing looks at tokens",
			args: []string{filepath.Join(peers, "skipper"), "-address", "127.0.0.1:9021", "-support-listener", "127.0.0.1:9921", "-routes-file", path("skipper.eskip"),
				"-access-log", "/dev/null", "-access-log-json-enabled", "-enable-ratelimits", "-metrics-flavour", "prometheus", "-serve-route-metrics", "-serve-route-counter", "-idle-conns-num", "1024"},
			file: map[string]string{"skipper.eskip": fmt.Sprintf(`all: * -> clientRatelimit(1000000, "1s", "Authorization") -> "http://127.0.0.1:%d";`+"\n", backendPort)}},
	}
	for i, p := range alone() {
		port := 9030 + i
		log := "off"
		if p.logged {
			log = "/dev/null"
		}
		cs = append(cs, contender{name: p.name, port: port, args: []string{"bin/sallyport", "run", "-c", path(p.name + ".yaml")}, prepare: p.prepare,
			file: map[string]string{p.name + ".yaml": p.more + sallyport(dir, port, port+900, log, "\n      - "+p.policies), "jwks.json": id.jwks}})
	}
	return cs
}

// A gateway is one of ours with policies.
type gateway struct {
	name     string
	logged   bool
	policies string
	more     string // of the document
	prepare  func(dir string) error
}

func alone() []gateway {
	return []gateway{
		{name: "jwt chain", logged: true, policies: tokens + "\n      - rate_limit: { rate: 1000000/s, per: subject }"},
		{name: "jwt", policies: tokens},
		{name: "api_key", policies: "api_key: {}", more: "store: { sqlite: keys/sallyport.db }\n", prepare: manyKeys},
		{name: "ip_filter", policies: "ip_filter: { deny: [192.0.2.0/24], file: prefixes.txt }", prepare: manyPrefixes},
		{name: "cors", policies: "cors: { origins: ['https://app.example.com', 'https://*.partner.example.com'], credentials: true }"},
		{name: "authorize", policies: `authorize: request.method == "GET" && request.header("accept-language").startsWith("en")`},
		{name: "basic_auth", policies: "basic_auth: {}", more: basicConsumer()},
	}
}

const tokens = "jwt: { issuer: " + issuer + ", audience: api, jwks_file: jwks.json, algorithms: [RS256] }"

// policyCases are the cases in which they meet. What a policy costs is told against the same load on a gateway without it.
func policyCases(id *visitor) []kase {
	bearer, one := []string{"Authorization: Bearer " + id.token}, "1 KiB, 64 connections: "
	plain := func(name string) []string { return []string{"nginx", "sallyport", name} }
	return []kase{
		{name: one + "jwt, rate_limit, metrics, log", path: "/1k", conns: 64, headers: bearer, only: []string{"nginx", "nginx + lua", "skipper", "sallyport", "jwt chain"}},
		{name: one + "jwt alone", path: "/1k", conns: 64, headers: bearer, only: plain("jwt")},
		{name: one + "api_key alone, 1,000,000 keys", path: "/1k", conns: 64, headers: []string{"X-API-Key: " + keyOf(777_777)}, only: plain("api_key")},
		{name: one + "ip_filter alone, 100,000 prefixes", path: "/1k", conns: 64, only: plain("ip_filter")},
		{name: one + "cors alone", path: "/1k", conns: 64, headers: []string{"Origin: https://a.partner.example.com"}, only: plain("cors")},
		{name: one + "authorize alone", path: "/1k", conns: 64, only: plain("authorize")},
		{name: one + "basic_auth alone", path: "/1k", conns: 64, headers: []string{"Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("acme:"+password))}, only: plain("basic_auth")},
	}
}

// lua is nginx doing what the chain does, as far as it goes without a library: the token is not verified at all but known beforehand.
func lua(dir string, port int) string {
	return fmt.Sprintf(`load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
worker_processes 1; daemon off; master_process off;
pid %[1]s/nginx-%[2]d.pid; error_log %[1]s/nginx-lua.err crit;
events { worker_connections 16384; }
http {
  keepalive_requests 1000000000; keepalive_timeout 300s; tcp_nodelay on;
  client_body_temp_path %[1]s/nb; proxy_temp_path %[1]s/np; fastcgi_temp_path %[1]s/nf; uwsgi_temp_path %[1]s/nu; scgi_temp_path %[1]s/ns;
  log_format j escape=json '{"time":"$time_iso8601","ip":"$remote_addr","method":"$request_method","host":"$host","uri":"$request_uri","status":$status,"bytes":$body_bytes_sent,"t":$request_time,"sub":"$sub"}';
  init_by_lua_block {
    local f = io.open("%[1]s/token.txt"); local t = f:read("*l"); f:close()
    TOKENS = { ["Bearer "..t] = { sub = "user-1", exp = os.time() + 86400 } }
    TATS, COUNTS, BUCKETS, SUM = {}, {}, {}, 0
    BOUNDS = { 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 1 }
  }
  upstream backend { server 127.0.0.1:%[3]d; keepalive 1024; keepalive_requests 1000000000; keepalive_timeout 300s; }
  server {
    listen 127.0.0.1:%[2]d backlog=4096;
    access_log /dev/null j buffer=64k flush=1s;
    set $sub "-";
    location / { proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      access_by_lua_block {
        local known = TOKENS[ngx.var.http_authorization or ""]
        local now = ngx.now()
        if not known or known.exp < now then return ngx.exit(401) end
        local tat = math.max(TATS[known.sub] or 0, now)
        if tat - now > 1 then return ngx.exit(429) end
        TATS[known.sub] = tat + 1e-6
        ngx.var.sub = known.sub
      }
      log_by_lua_block {
        local status, took, i = ngx.status, tonumber(ngx.var.request_time), 1
        COUNTS[status] = (COUNTS[status] or 0) + 1
        while i <= 11 and took > BOUNDS[i] do i = i + 1 end
        BUCKETS[i] = (BUCKETS[i] or 0) + 1
        SUM = SUM + took
      }
    }
  }
}
`, dir, port, backendPort)
}
