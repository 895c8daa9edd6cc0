package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// This file makes secrets while the gateway runs: each is shown once, to who makes it.

var aKey = regexp.MustCompile(`sp_[0-9A-Za-z]{38}`)

// once has a command make a key, which it shows, and returns the key. What else it prints is looked through.
func (c *cage) once(args ...string) string {
	c.t.Helper()
	code, out := line(args...)
	key := aKey.FindString(out)
	if code != 0 || key == "" {
		c.t.Errorf("%q: %d %s", args, code, strings.ReplaceAll(out, key, "KEY"))
	}
	c.heard(strings.Join(args[:2], " "), strings.Replace(out, key, "KEY", 1))
	return key
}

// typed runs a command with a secret in its standard input.
func (c *cage) typed(secret string, args ...string) {
	var out bytes.Buffer
	execute(args, strings.NewReader(secret+"\n"), &out, &out)
	c.heard(strings.Join(args[:2], " "), out.String())
}

// kept uses the store, by commands and by the admin listener.
func (c *cage) kept(document, admin string) {
	c.t.Helper()
	c.t.Setenv(tokenVariable, c.secrets["${env.CANARY_ADMIN}"])
	run := func(args ...string) { c.command(append(args, "-c", document)...) }
	c.secrets["a key that a command made"] = c.once("keys", "create", "--consumer", "stored", "--label", "first", "-c", document)
	c.secrets["a key that a command made, as JSON"] = c.once("keys", "create", "--consumer", "stored", "--json", "-c", document)
	_, list := line("keys", "list", "--json", "-c", document)
	ids := regexp.MustCompile(`k_[0-9A-Za-z]{12}`).FindAllString(list, -1)
	if len(ids) < 3 {
		c.t.Fatalf("the keys are %s", list)
	}
	c.heard("keys list", list)
	for n, id := range ids[:3] {
		run("keys", "show", id)
		c.secrets[fmt.Sprint("a successor of a key, ", n)] = c.once("keys", "rotate", id, "-c", document)
		run("keys", "revoke", id)
		run("keys", "revoke", id, "--json")
	}
	leak := c.file("leak.txt", "KEY="+c.secrets["a key that a command made"]+"\n")
	run("keys", "show", c.secrets["a key in the store"]) // somebody takes the key for its ID
	run("keys", "revoke", c.secrets["a key in the store"])
	run("keys", "rotate", c.secrets["a key in the store"])
	c.command("keys", "check", leak)
	c.command("keys", "check", "--json", leak)
	for _, password := range []string{c.canary("a password that was typed"), "short", strings.Repeat(c.canary("a password that is too long"), 50)} {
		for _, user := range []string{"stored", "acme", "", "a:b"} {
			c.typed(password, "credentials", "add", "--consumer", "stored", "--username", user, "-c", document)
		}
		c.typed(password, "credentials", "add", "--consumer", "nobody", "--username", "x", "-c", document)
	}
	for _, args := range [][]string{{"keys", "list"}, {"keys", "list", "--json"}, {"credentials", "list"}, {"credentials", "list", "--json"}, {"consumers", "list", "--json"}, {"consumers", "show", "stored"}, {"plans", "list", "--json"}, {"revocations", "list", "--json"},
		{"store", "backup", filepath.Join(c.dir, "backup.db")}, {"store", "backup", filepath.Join(c.dir, "backup.db"), "--json"}, {"status", "--json"}} {
		run(args...)
	}
	for _, path := range []string{"/api/credentials", "/api/keys", "/api/consumers", "/api/plans", "/api/revocations"} {
		c.post(admin, path, `{"consumer":"nobody","kind":"basic","settings":{"username":"x","password":"`+c.canary("a password that was posted")+`"}}`)
		c.post(admin, path, `{"consumer":"stored","kind":"basic","settings":{"username":"y","password":"`+c.canary("a password that was posted")+`","more":1}}`)
		c.post(admin, path, `{"consumer":"stored","kind":"basic","settings":{"username":"y","password_hash":"`+c.canary("a password that was posted")+`"}}`)
		c.post(admin, path, `{"consumer":"stored","kind":"basic","settings":{"username":"y","password":["`+c.canary("a password that was posted")+`"]}}`)
		c.post(admin, path, `{"consumer":"stored","kind":"api_key","settings":{"value":"`+c.canary("a password that was posted")+`"}}`)
		c.post(admin, path, `{"consumer":"stored","kind":"basic","settings":{"username":"z","password":"`+c.canary("a password that was posted")+`"}}`)
		c.post(admin, path, `{"consumer":"stored","password":"`+c.canary("a password that was posted")+`"}`)
		c.post(admin, path, `{"consumer":"stored","kind":"basic","settings":{"password":"`+c.canary("a password that was posted")+`}}`)
		c.post(admin, path, c.canary("a password that was posted"))
	}
}
