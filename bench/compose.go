package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"reflect"
	"slices"
	"time"
)

// This file is one answer made of three: objects of 4 KiB that are joined, by each contender in its way.

// composers lists who makes one answer of three, the one that this is about last.
func composers(dir string) []contender {
	path := func(name string) string { return filepath.Join(dir, name) }
	at := func(port int) string { return fmt.Sprintf("http://127.0.0.1:%d", port) }
	return []contender{
		{name: "maps", port: 9050, args: []string{path("maps"), "127.0.0.1:9050", at(backendPort), at(slowPort)},
			memo: "net/http, one goroutine a call, decoded into maps, merged, encoded; nothing else"},
		{name: "nginx + lua + cjson", port: 9051, args: []string{"nginx", "-c", path("nginx-compose.conf")}, needs: "/usr/lib/x86_64-linux-gnu/lua/5.1/cjson.so",
			memo: "ngx.location.capture_multi, cjson decode, merge, encode; large buffers, log off",
			file: map[string]string{"nginx-compose.conf": luaCompose(dir, 9051)}},
		{name: "compose", port: 9052, args: []string{"bin/sallyport", "run", "-c", path("compose.yaml")}, memo: "two routes, access log off, metrics on as always",
			file: map[string]string{"compose.yaml": sallyportCompose(9052, 9952)}},
	}
}

// composing are the cases in which they meet.
func composing() []kase {
	all := names(composers(""))
	return []kase{
		{name: "compose three objects of 4 KiB, 64 connections", path: "/page", conns: 64, only: all, composes: true},
		{name: "compose three objects of 4 KiB, 1 connection", path: "/page", conns: 1, only: all, composes: true},
		{name: "compose, one request at a time of three paths with 20, 10 and 5 ms", path: "/slow", only: all, idle: true},
	}
}

func luaCompose(dir string, port int) string {
	at := func(path, pass string) string {
		return fmt.Sprintf(`
    location = /%[1]s { content_by_lua_block {
      local answers = { ngx.location.capture_multi({ {"/%[1]s/json1"}, {"/%[1]s/json2"}, {"/%[1]s/json3"} }) }
      local merged = {}
      for i = 1, 3 do
        if answers[i].status ~= 200 then return ngx.exit(502) end
        for name, value in pairs(cjson.decode(answers[i].body)) do merged[name] = value end
      end
      local body = cjson.encode(merged)
      ngx.header.content_type = "application/json"
      ngx.header.content_length = #body
      ngx.print(body)
    } }
    location /%[1]s/ { internal; proxy_pass http://%[2]s/; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_buffers 16 16k; proxy_buffer_size 16k; proxy_max_temp_file_size 0; }`, path, pass)
	}
	return fmt.Sprintf(`load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
worker_processes 1; daemon off; master_process off;
pid %[1]s/nginx-%[2]d.pid; error_log %[1]s/nginx-compose.err crit;
events { worker_connections 16384; }
http {
  access_log off; keepalive_requests 1000000000; keepalive_timeout 300s; tcp_nodelay on;
  client_body_temp_path %[1]s/nb; proxy_temp_path %[1]s/np; fastcgi_temp_path %[1]s/nf; uwsgi_temp_path %[1]s/nu; scgi_temp_path %[1]s/ns;
  init_by_lua_block { cjson = require "cjson" }
  upstream backend { server 127.0.0.1:%[3]d; keepalive 1024; keepalive_requests 1000000000; keepalive_timeout 300s; }
  upstream slow { server 127.0.0.1:%[4]d; keepalive 16; keepalive_requests 1000000000; keepalive_timeout 300s; }
  server {
    listen 127.0.0.1:%[2]d backlog=4096;%[5]s%[6]s
  }
}
`, dir, port, backendPort, slowPort, at("page", "backend"), at("slow", "slow"))
}

func sallyportCompose(port, admin int) string {
	calls := func(upstream string) string {
		return fmt.Sprintf("calls: { a: { upstream: %[1]s, path: /json1 }, b: { upstream: %[1]s, path: /json2 }, c: { upstream: %[1]s, path: /json3 } }", upstream)
	}
	return fmt.Sprintf(`listeners: [{ address: "127.0.0.1:%d" }]
admin: { address: "127.0.0.1:%d" }
telemetry: { access_log: { path: "off" } }
limits: { connections_per_client: 4096 }
upstreams:
  backend: { targets: ["http://127.0.0.1:%d"], max_connections: 4096 }
  slow: { targets: ["http://127.0.0.1:%d"] }
routes:
  - match: /page
    compose: { %s, merge: [a, b, c] }
  - match: /slow
    compose: { %s, merge: [a, b, c] }
`, port, admin, backendPort, slowPort, calls("backend"), calls("slow"))
}

const slowPort = 9101

// slowPaths is the backend of which every path takes its time.
func slowPaths() error {
	after := func(d time.Duration, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(d)
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, body)
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/json1", after(slowest, `{"a": 1}`))
	mux.Handle("/json2", after(10*time.Millisecond, `{"b": 2}`))
	mux.Handle("/json3", after(5*time.Millisecond, `{"c": 3}`))
	s := &http.Server{Addr: fmt.Sprintf("127.0.0.1:%d", slowPort), Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- s.ListenAndServe() }()
	select {
	case err := <-failed:
		return err
	case <-time.After(100 * time.Millisecond):
		return nil
	}
}

const slowest = 20 * time.Millisecond

// sameAnswers makes sure that all contenders of a case answer the same, the order of members apart.
func sameAnswers(k kase, cs []contender) error {
	var first any
	for _, c := range cs {
		if !slices.Contains(k.only, c.name) {
			continue
		}
		body, _, err := ask(http.DefaultClient, c.port, k.path)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		var v any
		if err := json.Unmarshal(body, &v); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if first == nil {
			first = v
		}
		if o, ok := v.(map[string]any); !ok || len(o) < 3 || !reflect.DeepEqual(v, first) {
			return fmt.Errorf("%s answers something else than the first: %s", c.name, body)
		}
	}
	return nil
}

// ask gets a path and tells how long that took.
func ask(client *http.Client, port int, path string) ([]byte, time.Duration, error) {
	began := time.Now()
	resp, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d%s", port, path))
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", resp.StatusCode, body)
	}
	return body, time.Since(began), err
}

// tableOfComposed prints what the CPU time of each contender is to that of the others.
func tableOfComposed(k kase, results map[string][]sample) {
	fmt.Printf("\n### %s\n\n| | CPU µs a request | to maps | to nginx + lua | outside of the kernel, µs | requests/s | p50 ms | p99 ms | RSS MiB |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n", k.name)
	for _, name := range k.only {
		rs := results[name]
		if len(rs) == 0 {
			continue
		}
		fmt.Printf("| %s | %s | %s | %s | %.1f | %.0f | %.2f | %.2f | %.0f |\n", name, spread("%.1f", against(rs, rs, func(a, _ sample) float64 { return a.cpu })),
			spread("%.3f", ratios(rs, results[k.only[0]])), spread("%.3f", ratios(rs, results[k.only[1]])), median(rs, func(s sample) float64 { return s.user }),
			median(rs, func(s sample) float64 { return s.rate }), median(rs, func(s sample) float64 { return s.p50 }),
			median(rs, func(s sample) float64 { return s.p99 }), median(rs, func(s sample) float64 { return s.rss }))
	}
}

// ratios are those of CPU time, none to somebody who did not take part.
func ratios(rs, others []sample) []float64 {
	if len(others) == 0 {
		return nil
	}
	return against(rs, others, func(a, b sample) float64 { return a.cpu / b.cpu })
}

// spread is the median with the least and the most.
func spread(format string, v []float64) string {
	if len(v) == 0 {
		return ""
	}
	middle := middle(v)
	return fmt.Sprintf("**"+format+"** ("+format+"–"+format+")", middle, slices.Min(v), slices.Max(v))
}

// idle tells how long one request at a time takes, beside the slowest of its paths asked without any gateway.
func idle(k kase, cs []contender, rounds int) error {
	times := map[string][]float64{}
	const straight = "the slowest path alone"
	asked := append([]contender{{name: straight, port: slowPort}}, cs...)
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	for range 20 * rounds {
		for _, c := range asked {
			path := k.path
			if c.name == straight {
				path = "/json1"
			} else if !slices.Contains(k.only, c.name) {
				continue
			}
			_, took, err := ask(client, c.port, path)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			times[c.name] = append(times[c.name], float64(took.Microseconds())/1e3)
		}
	}
	fmt.Printf("\n### %s\n\n| | ms, half of the requests | nine of ten | more than the slowest path |\n| --- | ---: | ---: | ---: |\n", k.name)
	alone := middle(times[straight])
	for _, name := range append([]string{straight}, k.only...) {
		v := times[name]
		if len(v) == 0 {
			continue
		}
		half := middle(v) // sorts
		fmt.Printf("| %s | %.2f | %.2f | %+.2f |\n", name, half, v[len(v)*9/10], half-alone)
	}
	return nil
}
