package admin

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"sallyport/config"
	"sallyport/gateway"
	"sallyport/problem"
	"sallyport/process"
)

// This file decides who may do what: those with a token of the document, or, when it has none, with one that is made at the first
// start and kept where its owner alone can read it.

// A Role is what somebody may do; each includes those before it.
type Role uint8

// The roles. Anyone is who shows no token.
const (
	Anyone Role = iota
	Viewer
	Operator
	Admin
)

func (r Role) String() string { return [...]string{"anyone", "viewer", "operator", "admin"}[r] }

func roleOf(name string) Role {
	for r := range Admin + 1 {
		if r.String() == name {
			return r
		}
	}
	return Anyone
}

// A someone is who sent a request.
type someone struct {
	name string
	role Role
	sum  [sha256.Size]byte // of the token
}

// TokenFile is the name of the made token in the data directory.
const TokenFile = "admin.token"

// access knows everybody who may come in.
type access struct {
	gateway *gateway.Gateway

	mu   sync.Mutex
	made *someone         // guarded by mu, as what follows
	of   *config.Document // that the list is of
	list []someone
}

// prepare makes the token if one will be needed.
func (a *access) prepare() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known()
}

// known lists who has a token now. It is called with mu held.
func (a *access) known() []someone {
	doc := a.gateway.Document()
	if doc == nil || len(doc.Admin.Tokens) == 0 {
		if a.made == nil {
			a.made = a.make()
		}
		return []someone{*a.made}
	}
	if a.of != doc {
		a.of, a.list = doc, nil
		for _, t := range doc.Admin.Tokens {
			s := someone{name: t.Name, role: roleOf(t.Role), sum: sha256.Sum256([]byte(t.Value.Reveal()))}
			if t.Hash != "" {
				copy(s.sum[:], t.Sum())
			}
			a.list = append(a.list, s)
		}
	}
	return a.list
}

// make returns the kept token, or makes one. When it cannot be kept, it is good until the process ends.
func (a *access) make() *someone {
	log := a.gateway.Log()
	text, fresh, err := madeToken(a.gateway.Data())
	switch {
	case err != nil:
		log.Warn("an admin token was made that is good until this process ends", "token", text, "error", err)
	case fresh:
		log.Info("an admin token was made; this is the only time that it is shown", "token", text, "file", filepath.Join(a.gateway.Data(), TokenFile))
	}
	return &someone{name: "made", role: Admin, sum: sha256.Sum256([]byte(text))}
}

// madeToken returns the token that is kept in dir, or a fresh one that is kept there from now on. With an error it is not kept.
func madeToken(dir string) (text string, fresh bool, err error) {
	if dir == "" {
		return newToken(), true, errors.New("there is no data directory to keep it in")
	}
	name := filepath.Join(dir, TokenFile)
	text = newToken()
	switch err = process.CreateFile(name, []byte(text+"\n")); {
	case err == nil:
		return text, true, nil
	case !errors.Is(err, fs.ErrExist):
		return text, true, err
	}
	kept, err := ReadToken(name)
	if err != nil {
		return text, true, err
	}
	return kept, false, nil
}

func newToken() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// ReadToken returns the token in a file that not everybody may read.
func ReadToken(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o027 != 0 { // its group may read it, if that was somebody's wish
		return "", fmt.Errorf("%s can be read by everybody, or written by others than its owner; chmod 600 it, or remove it for another token to be made", name)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(string(b))
	if len(text) < 16 {
		return "", fmt.Errorf("%s holds no token; remove it for another one to be made", name)
	}
	return text, nil
}

// realm is what a client without a token is told of.
const realm = `Bearer realm="sallyport admin"`

// admit finds out who sent r and whether they may do what needs role.
func (a *access) admit(r *http.Request, role Role) (someone, *problem.Problem) {
	if role == Anyone {
		return someone{}, nil
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return someone{}, problem.NoCredentials.New("Send Authorization: Bearer with a token of the admin listener.").With("WWW-Authenticate", realm)
	}
	who, ok := a.whose(token)
	switch {
	case !ok:
		return someone{}, problem.BadCredentials.New("").With("WWW-Authenticate", realm+`, error="invalid_token"`)
	case who.role < role:
		return who, problem.Forbidden.New("The token's role is %s; this needs %s.", who.role, role).
			With("WWW-Authenticate", fmt.Sprintf(`%s, error="insufficient_scope", scope=%q`, realm, role))
	}
	return who, nil
}

// whose compares with all tokens, in a time that tells nothing.
func (a *access) whose(token string) (who someone, ok bool) {
	sum := sha256.Sum256([]byte(token))
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.known() {
		if subtle.ConstantTimeCompare(s.sum[:], sum[:]) == 1 {
			who, ok = s, true
		}
	}
	return who, ok
}
