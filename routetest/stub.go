package routetest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"sallyport/config"
	"sallyport/wire/memnet"
)

// maxBody bounds the bodies that are read at either end.
const maxBody = 64 << 20

// A call is a request that an upstream got.
type call struct {
	upstream, method, target, host string
	header                         http.Header
	body                           []byte
}

// Stubs are the upstreams of a test.
type stubs struct {
	net   *memnet.Network
	owner map[string]string // upstreams by address
	crew  sync.WaitGroup

	mu    sync.Mutex               // guards all below
	lists map[string][]config.Stub // what is to be answered, by upstream
	calls []call
	ends  []io.Closer
}

// become changes what upstreams answer.
func (s *stubs) become(lists map[string]*config.Stubs) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, list := range lists {
		s.lists[name] = *list
	}
}

// next returns the next answer of an upstream; the last one stays. If only is set, nothing but such a failure is taken.
func (s *stubs) next(upstream, only string) (stub config.Stub, taken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.lists[upstream]
	if len(list) == 0 {
		return config.Stub{Status: 200}, only == ""
	}
	if stub = list[0]; only != "" && stub.Fail != only {
		return stub, false
	}
	if len(list) > 1 {
		s.lists[upstream] = list[1:]
	}
	return stub, true
}

// open listens at every address.
func (s *stubs) open() error {
	for address, upstream := range s.owner {
		l, err := s.net.Listen(address)
		if err != nil {
			return err
		}
		s.ends = append(s.ends, l)
		s.crew.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				s.mu.Lock()
				s.ends = append(s.ends, c)
				s.mu.Unlock()
				s.crew.Go(func() { s.serve(c.(*memnet.Conn), upstream) })
			}
		})
	}
	return nil
}

// close ends all of it.
func (s *stubs) close() {
	s.mu.Lock()
	ends := s.ends
	s.ends = nil
	s.mu.Unlock()
	for _, e := range ends {
		_ = e.Close()
	}
	s.crew.Wait()
}

// refuses says whether a connection to address is to fail.
func (s *stubs) refuses(address string) error {
	upstream, known := s.owner[address]
	if !known {
		return &net.OpError{Op: "dial", Net: "memory", Err: syscall.EHOSTUNREACH}
	}
	if _, refused := s.next(upstream, "connect"); refused {
		return &net.OpError{Op: "dial", Net: "memory", Err: syscall.ECONNREFUSED}
	}
	return nil
}

// serve answers one request. Each has a connection of its own, so that every one is dialled for and may be refused.
func (s *stubs) serve(c *memnet.Conn, upstream string) {
	defer func() { _ = c.Close() }()
	r := bufio.NewReader(c)
	req, err := http.ReadRequest(r)
	if err != nil {
		return
	}
	body, err := io.ReadAll(io.LimitReader(req.Body, maxBody))
	if err != nil {
		return
	}
	s.mu.Lock()
	s.calls = append(s.calls, call{upstream, req.Method, req.RequestURI, req.Host, req.Header, body})
	s.mu.Unlock()
	stub, _ := s.next(upstream, "")
	time.Sleep(stub.Delay)
	switch stub.Fail {
	case "hang":
		_, _ = r.ReadByte() // until the gateway gives up
	case "reset":
		c.Reset()
	case "":
		_, _ = c.Write(answer(&stub, req.Method))
	}
}

// answer is a stub's answer as bytes.
func answer(stub *config.Stub, method string) []byte {
	body, kind := []byte(nil), ""
	switch {
	case stub.JSON != nil:
		body, kind = marshal(stub.JSON), "application/json"
	case stub.Body != nil:
		body, kind = []byte(*stub.Body), "text/plain; charset=utf-8"
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\nConnection: close\r\n", stub.Status, http.StatusText(stub.Status))
	writeFields(&b, stub.Headers, kind)
	if stub.Status != 204 && stub.Status != 304 {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	} else {
		body = nil
	}
	b.WriteString("\r\n")
	if method != http.MethodHead {
		b.Write(body)
	}
	return b.Bytes()
}

// writeFields writes header fields, with the type of the body unless they have one.
func writeFields(b *bytes.Buffer, fields config.TextLists, kind string) {
	for _, f := range fields {
		for _, v := range f.Values {
			fmt.Fprintf(b, "%s: %s\r\n", f.Name, v)
		}
		if http.CanonicalHeaderKey(f.Name) == "Content-Type" {
			kind = ""
		}
	}
	if kind != "" {
		fmt.Fprintf(b, "Content-Type: %s\r\n", kind)
	}
}

// take returns the calls since the last time.
func (s *stubs) take() []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}
