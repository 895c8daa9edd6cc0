package main

// Asking a gateway that runs, by its admin listener.

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"sallyport/admin"
	"sallyport/config"
	"sallyport/schema"
)

// tokenVariable names the token in the environment.
const tokenVariable = "SALLYPORT_TOKEN"

// defaultAdmin is where the admin listener is when no document says.
const defaultAdmin = "127.0.0.1:9901"

// A client asks one gateway.
type client struct {
	file, data, address, tokenFile *string
}

// clientFlags gives a command what it takes to find a gateway.
func clientFlags(c *cobra.Command) *client {
	return &client{
		file:      fileFlag(c),
		data:      dataFlag(c),
		address:   c.Flags().String("admin", "", "the `address` of the admin listener (default as in the document, else "+defaultAdmin+")"),
		tokenFile: c.Flags().String("token-file", "", "the `file` with the token (default $"+tokenVariable+", else admin.token in the data directory)"),
	}
}

// at is the address of the admin listener.
func (c *client) at() (string, error) {
	if *c.address != "" {
		if _, _, err := net.SplitHostPort(*c.address); err != nil {
			return "", fmt.Errorf("--admin %s is no address; write host:port", *c.address)
		}
		return *c.address, nil
	}
	if _, err := os.Stat(*c.file); errors.Is(err, os.ErrNotExist) {
		return defaultAdmin, nil
	}
	doc, _ := config.Load(*c.file, config.Options{}) // one that is broken may still say where
	if doc.Admin.Off() {
		return "", fmt.Errorf("%s has the admin listener off", *c.file)
	}
	return cmp.Or(doc.Admin.Address, defaultAdmin), nil
}

// token is what the gateway wants to see.
func (c *client) token() (string, error) {
	if *c.tokenFile != "" {
		return admin.ReadToken(*c.tokenFile)
	}
	if text := os.Getenv(tokenVariable); text != "" {
		return text, nil
	}
	name := filepath.Join(dataDirectory(*c.data, *c.file), admin.TokenFile)
	text, err := admin.ReadToken(name)
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("no token: set $%s, or --token-file, or --data to the gateway's own, since there is no file %s", tokenVariable, name)
	}
	return text, err
}

// patience is how long a gateway may take to build a large document.
const patience = 2 * time.Minute

// ask sends a request and returns the answer's body if it is good, and a failure otherwise.
func (c *client) ask(method, path string, body any) ([]byte, error) {
	resp, err := c.send(method, path, body)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("the gateway's answer breaks off: %w", err)
	}
	return answer, nil
}

// send sends a request and returns the answer if it is good; whoever gets it closes its body.
func (c *client) send(method, path string, body any) (*http.Response, error) {
	address, err := c.at()
	if err != nil {
		return nil, err
	}
	token, err := c.token()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(method, "http://"+address+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	h := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, ResponseHeaderTimeout: patience}, Timeout: longest}
	resp, err := h.Do(r)
	if err != nil {
		return nil, fmt.Errorf("the gateway cannot be asked: %w", errors.Unwrap(err))
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxFailure))
	if err != nil {
		return nil, fmt.Errorf("the gateway's answer breaks off: %w", err)
	}
	return nil, failureOf(resp, answer)
}

// longest is how long a copy of a large store may take to come.
const longest = 15 * time.Minute

// maxFailure bounds what is read of an answer that is none.
const maxFailure = 16 << 20

// A failure is a problem that the gateway answered with.
type failure struct {
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Errors []struct {
		Pos     string `json:"pos"`
		Path    string `json:"path"`
		Message string `json:"message"`
	} `json:"errors"`

	body []byte
}

func (f *failure) Error() string {
	if f.Detail == "" {
		return "the gateway says: " + f.Title
	}
	return "the gateway says: " + f.Title + ": " + f.Detail
}

// errors are what is wrong with a document, for printing.
func (f *failure) errors() (errs schema.Errors) {
	for _, e := range f.Errors {
		errs = append(errs, &schema.Error{Pos: schema.Pos{File: e.Pos}, Path: e.Path, Msg: e.Message})
	}
	return errs
}

func failureOf(resp *http.Response, body []byte) error {
	f := &failure{body: body}
	if json.Unmarshal(body, f) != nil || f.Title == "" {
		return fmt.Errorf("the gateway answers %s, which is no answer of an admin listener", resp.Status)
	}
	return f
}
