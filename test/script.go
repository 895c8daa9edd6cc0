// Package test holds the tests of the gateway as a whole: scripts, which are documents, backends, requests and responses in
// one file, played on a network in memory where time does not take time; the shape of the repository; and hostile requests
// over real sockets.
//
// A script is a txtar file. Its sections are played in order; docs/scripts.md tells what each can hold.
package test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/tools/txtar"

	"sallyport/gateway"
	"sallyport/store/sqlite"
	"sallyport/test/signed"
	"sallyport/wire/memnet"
)

// Play plays the script in a file, in a bubble of its own.
func Play(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lab := newLab()
	defer lab.close()
	synctest.Test(t, func(t *testing.T) {
		p := &player{t: t, lab: lab, folder: filepath.Dir(file), backends: map[string]*backend{}, clients: map[string]*client{}, seen: map[string][]*received{}, files: map[string][]byte{}, keys: map[string]*signed.Key{}, stands: map[string]string{}}
		defer p.end()
		if slices.ContainsFunc(archive.Files, func(f txtar.File) bool { return strings.HasPrefix(f.Name, "dns ") }) {
			p.names = &names{known: map[string]*name{}}
		}
		for i, f := range archive.Files {
			p.at = fmt.Sprintf("section %d, %s", i+1, f.Name)
			verb, arg, _ := strings.Cut(f.Name, " ")
			play := verbs[verb]
			if play == nil {
				t.Fatalf("%s: a section is one of %s", p.at, strings.Join(slices.Sorted(maps.Keys(verbs)), ", "))
			}
			if p.unsaid != "" && verb != "errors" {
				t.Fatalf("%s: before it, the document is refused:\n%s", p.at, p.unsaid)
			}
			data := f.Data
			if verb != "config" && verb != "reload" { // where ${...} is an expression
				if data, err = p.filled(data); err != nil {
					t.Fatalf("%s: %v", p.at, err)
				}
			}
			if err := play(p, arg, data); err != nil {
				t.Fatalf("%s: %v", p.at, err)
			}
		}
		if p.unsaid != "" {
			t.Fatalf("the document is refused:\n%s", p.unsaid)
		}
	})
}

// A player is a script under way.
type player struct {
	t        *testing.T
	folder   string // of the script
	at       string // the section
	net      memnet.Network
	crew     sync.WaitGroup // of clients and backends
	gate     *gate          // nil before the first document
	store    *sqlite.Store  // nil before the first store section
	mu       sync.Mutex     // guards backends
	backends map[string]*backend
	clients  map[string]*client
	seen     map[string][]*received // what backends got since the last request
	files    map[string][]byte      // that documents name and the script made, by path
	keys     map[string]*signed.Key // that sign tokens, by name
	stands   map[string]string      // what ${token NAME} and ${jwks NAME} stand for
	lab      *lab                   // runs functions
	names    *names                 // nil when no section says what a name resolves to
	place    string                 // folder of the files that the script makes; "" for none
	errors   string                 // what the last document was refused for
	foretold *gateway.Explanation   // of the last request; nil when nobody asked
	waiting  int                    // requests that were sent since the last response
	unsaid   string                 // the same, until an errors section has told it
}

// verbs are the sections of a script, by the first word of their names.
var verbs = map[string]func(p *player, arg string, data []byte) error{
	"config":      (*player).config,
	"certificate": (*player).certify,
	"reload":      (*player).config,
	"dns":         (*player).resolve,
	"file":        (*player).file,
	"store":       (*player).keep,
	"errors":      (*player).wrong,
	"backend":     (*player).become,
	"request":     (*player).request,
	"response":    (*player).response,
	"seen":        (*player).saw,
	"unseen":      (*player).sawNothing,
	"jwks":        (*player).keySet,
	"token":       (*player).token,
	"wait":        (*player).wait,
	"log":         (*player).log,
	"metrics":     (*player).metrics,
	"send":        (*player).send,
	"receive":     (*player).receive,
	"leave":       (*player).leave,
}

// end stops everything and waits for it, since time stands still for what a bubble leaves behind.
func (p *player) end() {
	defer p.crew.Wait()
	for _, c := range p.clients {
		_ = c.conn.Close()
	}
	if p.gate != nil {
		p.gate.Close()
	}
	if p.store != nil {
		if err := p.store.Close(); err != nil {
			p.t.Error(err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.backends {
		b.close()
	}
}

// config loads a document, the first one or another: the one in the section, or the file or folder beside the script that the section's
// name ends with.
func (p *player) config(name string, data []byte) error {
	if p.gate == nil {
		p.gate = newGate(p)
	}
	var err error
	switch {
	case name == "":
		err = p.gate.LoadBytes("config.yaml", data)
	case len(data) > 0:
		return fmt.Errorf("there is a document here, and the name of another")
	default:
		err = p.gate.Load(filepath.Join(p.folder, name))
	}
	p.errors = ""
	if err != nil {
		p.errors = err.Error()
	}
	p.unsaid = p.errors
	return nil
}

func (p *player) wrong(_ string, data []byte) error {
	p.unsaid = ""
	if want := strings.TrimSpace(string(data)); !alike(p.errors, want) {
		return fmt.Errorf("got\n%s\nwant\n%s", p.errors, want)
	}
	return nil
}

// backend returns the backend of that name, which comes to be when it is first needed.
func (p *player) backend(name string) (*backend, error) {
	if !strings.Contains(name, ":") {
		name += ":80"
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if b := p.backends[name]; b != nil {
		return b, nil
	}
	b := &backend{name: name, net: &p.net, crew: &p.crew}
	p.backends[name] = b
	return b, b.become(parseMessage([]byte(ok)))
}

func (p *player) become(name string, data []byte) error {
	b, err := p.backend(name)
	if err != nil {
		return err
	}
	synctest.Wait() // what is under way is still answered as before
	return b.become(parseMessage(data))
}

func (p *player) request(name string, data []byte) error {
	p.look()
	clear(p.seen)
	m := parseMessage(data)
	c := p.clients[name]
	if word, same := m.directive("same"); !same {
		if c != nil {
			_ = c.conn.Close()
		}
		listener, found := m.directive("to")
		if !found {
			listener = p.gate.door()
		}
		var err error
		if c, err = dial(&p.net, listener, &m, p.trusted()); err != nil {
			return err
		}
		p.clients[name] = c
	} else if c == nil || word != "connection" {
		return fmt.Errorf("# same connection: there is none yet")
	}
	p.foretold = p.foretell(name, &m)
	p.waiting++
	return c.send(&m, &p.crew)
}

// look takes from the backends what they got.
func (p *player) look() {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, b := range p.backends {
		p.seen[name] = append(p.seen[name], b.asked()...)
	}
}

func (p *player) response(name string, data []byte) error {
	c := p.clients[name]
	if c == nil {
		return fmt.Errorf("there was no request %s", name)
	}
	want := parseMessage(data)
	foretold := p.foretold
	p.foretold, p.waiting = nil, 0
	got, err := c.receive()
	switch {
	case err != nil:
		return err
	case want.first == "closed" && got == nil:
		return nil
	case got == nil:
		return fmt.Errorf("the gateway closed the connection, want\n%s", data)
	}
	if err := differs(got, &want); err != nil {
		return fmt.Errorf("%w; the response is\n%s", err, got)
	}
	return cameTrue(foretold, got.first)
}

func (p *player) saw(name string, data []byte) error {
	p.look()
	b, err := p.backend(name)
	if err != nil {
		return err
	}
	queue := p.seen[b.name]
	if len(queue) == 0 {
		return fmt.Errorf("it got no request, or no more, since the last one was sent")
	}
	p.seen[b.name] = queue[1:]
	want := parseMessage(data)
	if err := differs(queue[0], &want); err != nil {
		return fmt.Errorf("%w; the request is\n%s", err, queue[0])
	}
	return nil
}

func (p *player) sawNothing(name string, _ []byte) error {
	p.look()
	b, err := p.backend(name)
	if err == nil && len(p.seen[b.name]) > 0 {
		err = fmt.Errorf("it got\n%s", p.seen[b.name][0])
	}
	return err
}

func (p *player) wait(arg string, _ []byte) error {
	d, err := time.ParseDuration(arg)
	if err != nil {
		return err
	}
	time.Sleep(d)
	synctest.Wait()
	return nil
}

func (p *player) log(_ string, data []byte) error {
	synctest.Wait()
	got := p.gate.log()
	if line := missing(got, string(data)); line != "" {
		return fmt.Errorf("there is no line %s in\n%s", line, got)
	}
	return nil
}

func (p *player) metrics(_ string, data []byte) error {
	synctest.Wait()
	got := p.gate.scrape()
	if line := missing(got, string(data)); line != "" {
		return fmt.Errorf("there is no line %s in\n%s", line, got)
	}
	return nil
}

func (p *player) through(name string) (*client, error) {
	if c := p.clients[name]; c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("there was no request %s", name)
}

func (p *player) send(name string, data []byte) error {
	c, err := p.through(name)
	if err != nil {
		return err
	}
	raw, err := unescape(string(data))
	if err == nil {
		_, err = c.conn.Write(raw)
	}
	return err
}

func (p *player) receive(name string, data []byte) error {
	c, err := p.through(name)
	if err != nil {
		return err
	}
	raw, err := unescape(string(data))
	if err != nil {
		return err
	}
	return c.tunnelled(raw)
}

func (p *player) leave(name string, _ []byte) error {
	c, err := p.through(name)
	if err != nil {
		return err
	}
	delete(p.clients, name)
	err = c.conn.Close()
	synctest.Wait()
	return err
}
