//go:build soak

package soak

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

const (
	mostClients  = 64
	mostRequests = 1 << 20               // of one client at most: what the ledger has room for
	pace         = 4 * time.Millisecond  // between two things that a client does
	eventPause   = 20 * time.Millisecond // between two events
	events       = 40
)

// A ledger is what targets did: a bit for each POST of each client.
type ledger struct {
	mu    sync.Mutex
	done  [mostClients][mostRequests / 64]uint64 // guarded by mu
	base  [mostClients]int                       // what clients of an earlier load had asked; guarded by mu
	twice atomic.Int64
}

func (l *ledger) note(client, seq int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	word, bit := &l.done[client][seq/64], uint64(1)<<(seq%64)
	if *word&bit != 0 {
		l.twice.Add(1)
	}
	*word |= bit
}

// after remembers how far m came, so that ids of the next load are others.
func (l *ledger) after(m *member) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.base[m.number] += m.seq + 1
}

// id is that of the next request of m.
func (l *ledger) id(m *member) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Sprintf("%d.%d", m.number, l.base[m.number]+m.seq)
}

// A target serves all that clients ask for, by HTTP/1.1 and HTTP/2.
type target struct {
	address string
	ledger  *ledger
	server  *http.Server // nil while killed
	serving sync.WaitGroup
}

func newTarget(t *testing.T, address string, l *ledger) *target {
	b := &target{address: address, ledger: l}
	b.open(t)
	t.Cleanup(b.close)
	return b
}

// open starts the target unless it runs. Its port may be in use for a moment, as the near end of somebody's connection.
func (b *target) open(t *testing.T) {
	if b.server != nil {
		return
	}
	every := time.NewTicker(50 * time.Millisecond)
	defer every.Stop()
	var l net.Listener
	var err error
	for range 200 {
		if l, err = net.Listen("tcp", b.address); err == nil {
			break
		}
		<-every.C
	}
	if err != nil {
		t.Errorf("a target cannot come back: %v", err)
		return
	}
	b.address = l.Addr().String()
	mux := http.NewServeMux()
	mux.HandleFunc("/ids/{id}", b.echo)
	mux.HandleFunc("/moving/{id}", b.echo)
	mux.HandleFunc("/events", b.events)
	mux.HandleFunc("/socket", b.socket)
	mux.HandleFunc("/health", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/soak.Echo/{method}", b.grpc)
	ctx, cancel := context.WithCancel(context.Background())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute, Protocols: new(http.Protocols), BaseContext: func(net.Listener) context.Context { return ctx }}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	b.server = server
	b.serving.Go(func() { defer cancel(); _ = server.Serve(l) })
}

// close breaks all connections.
func (b *target) close() {
	if b.server == nil {
		return
	}
	_ = b.server.Close()
	b.serving.Wait()
	b.server = nil
}

// echo tells id and body back.
func (b *target) echo(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("X-Soak")
	client, seq, ok := strings.Cut(id, ".")
	number, err := strconv.Atoi(client)
	n, err2 := strconv.Atoi(seq)
	if !ok || err != nil || err2 != nil || number < 0 || number >= mostClients || n < 0 || n >= mostRequests || !strings.HasSuffix(r.URL.Path, "/"+id) {
		http.Error(w, "no such request: "+id+" "+r.URL.Path, http.StatusTeapot)
		return
	}
	if r.Method == http.MethodPost {
		b.ledger.note(number, n)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("X-Soak", id)
	w.Header().Set("X-Asked-By", r.Header.Get("X-Document"))
	if n%3 != 0 {
		w.Header().Set("Content-Length", strconv.Itoa(len(id)+len(body)))
	}
	_, _ = io.WriteString(w, id)
	if n%3 == 0 {
		_ = http.NewResponseController(w).Flush() // so the answer is in pieces
	}
	_, _ = w.Write(body)
}

// events sends numbered events, with pauses.
func (b *target) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for n := range events {
		if _, err := fmt.Fprintf(w, "data: %d\n\n", n); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
			return
		case <-time.After(eventPause):
		}
	}
}

// socket tells every message back.
func (b *target) socket(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer c.CloseNow()
	for {
		kind, message, err := c.Read(r.Context())
		if err != nil || c.Write(r.Context(), kind, message) != nil {
			return
		}
	}
}

// grpc sends each message of a call back, and the status as a trailer.
func (b *target) grpc(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status")
	for {
		var head [5]byte
		if _, err := io.ReadFull(r.Body, head[:]); err != nil {
			break
		}
		message := make([]byte, binary.BigEndian.Uint32(head[1:]))
		if _, err := io.ReadFull(r.Body, message); err != nil {
			panic(http.ErrAbortHandler)
		}
		_, _ = w.Write(head[:])
		_, _ = w.Write(message)
		_ = http.NewResponseController(w).Flush()
	}
	w.Header().Set("Grpc-Status", "0")
}
