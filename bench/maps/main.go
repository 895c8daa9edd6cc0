// Command maps is a gateway that composes as most of those in Go do: parallel calls with net/http, every answer decoded into maps, the maps
// merged, the result encoded. Nothing else is in its way: no routes, no log, no metrics.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

// An engine composes what its backend answers at some paths.
type engine struct {
	client  *http.Client
	backend string
}

// A part is what one call brought.
type part struct {
	data map[string]any
	err  error
}

func (e *engine) serve(paths ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
		defer cancel()
		client, _, _ := net.SplitHostPort(r.RemoteAddr)
		header := http.Header{"X-Forwarded-For": {client}, "X-Forwarded-Host": {r.Host}, "Accept": {"application/json"}}
		parts := make(chan part, len(paths))
		for _, path := range paths {
			go func() { parts <- e.call(ctx, path, header.Clone()) }()
		}
		merged := map[string]any{}
		for range paths {
			p := <-parts
			if p.err != nil {
				http.Error(w, p.err.Error(), http.StatusBadGateway)
				return
			}
			for name, value := range p.data {
				merged[name] = value
			}
		}
		body, err := json.Marshal(merged)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	}
}

var errStatus = errors.New("a call was not answered with 200")

func (e *engine) call(ctx context.Context, path string, header http.Header) (p part) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.backend+path, nil)
	if err != nil {
		return part{err: err}
	}
	req.Header = header
	resp, err := e.client.Do(req)
	if err != nil {
		return part{err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return part{err: errStatus}
	}
	d := json.NewDecoder(resp.Body)
	d.UseNumber()
	p.err = d.Decode(&p.data)
	_, _ = io.Copy(io.Discard, resp.Body)
	return p
}

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: maps ADDRESS BACKEND SLOW")
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2048, MaxIdleConns: 4096, IdleConnTimeout: 5 * time.Minute, DisableCompression: true}}
	mux := http.NewServeMux()
	mux.Handle("GET /page", (&engine{client, os.Args[2]}).serve("/json1", "/json2", "/json3"))
	mux.Handle("GET /slow", (&engine{client, os.Args[3]}).serve("/json1", "/json2", "/json3"))
	log.Fatal((&http.Server{Addr: os.Args[1], Handler: mux, ReadHeaderTimeout: 10 * time.Second}).ListenAndServe())
}
