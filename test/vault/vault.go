// Package vault is a server with as much of HashiCorp Vault's HTTP API as an
// installation uses: a KV engine of version 2, logins with Kubernetes and AppRole, and
// tokens that end. It is written from Vault's API documentation, not from Vault, and
// refuses what it does not know. Only tests import it.
//
// Sources: https://developer.hashicorp.com/vault/api-docs, below it secret/kv/kv-v2,
// auth/kubernetes, auth/approle and auth/token.
package vault

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// The paths of the engine, and of the login methods below auth/.
const (
	Mount           = "secret"
	KubernetesMount = "kubernetes"
	AppRoleMount    = "approle"
)

// Grant is what a login gives: a policy and the life of its tokens.
type Grant struct {
	// Paths are the beginnings of the paths that may be used, without v1/; "" is root.
	Paths []string
	// ReadOnly admits GET alone.
	ReadOnly bool
	// TTL is the life of a token, MaxTTL what renewals can make of it; 0: no end.
	TTL, MaxTTL time.Duration
}

type token struct {
	grant         Grant
	expires, last time.Time
}

// Server is one Vault. Make it with New; it is an http.Handler.
type Server struct {
	mu       sync.Mutex
	sealed   bool
	busy     bool
	pad      int // length that answers of the engine are brought to
	silent   bool
	space    string
	tokens   map[string]*token
	issued   int
	logins   map[string]Grant // method, role and what is shown
	secrets  map[string]*secret
	requests []string
}

// New returns an unsealed server whose engine is empty.
func New() *Server {
	return &Server{tokens: map[string]*token{}, logins: map[string]Grant{}, secrets: map[string]*secret{}}
}

// Admit has a login method accept a role with what it shows: a service account's token
// or a secret id.
func (s *Server) Admit(method, role, shown string, grant Grant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logins[method+"\n"+role+"\n"+shown] = grant
}

// Token issues a token.
func (s *Server) Token(grant Grant) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.issue(grant)
}

func (s *Server) issue(grant Grant) string {
	s.issued++
	text := fmt.Sprintf("hvs.%04d", s.issued)
	t := &token{grant: grant}
	if grant.TTL > 0 {
		t.expires, t.last = time.Now().Add(grant.TTL), time.Now().Add(max(grant.TTL, grant.MaxTTL))
	}
	s.tokens[text] = t
	return text
}

// Revoke takes all tokens back.
func (s *Server) Revoke() { s.set(func() { clear(s.tokens) }) }

// Seal makes every answer 503, or no more.
func (s *Server) Seal(sealed bool) { s.set(func() { s.sealed = sealed }) }

// Busy makes every answer 429, or no more.
func (s *Server) Busy(busy bool) { s.set(func() { s.busy = busy }) }

// Pad brings answers of the engine to a length with spaces; 0: as they are.
func (s *Server) Pad(length int) { s.set(func() { s.pad = length }) }

// Namespace demands a namespace of every request.
func (s *Server) Namespace(name string) { s.set(func() { s.space = name }) }

// Silent leaves requests without an answer until the client goes, or no more.
func (s *Server) Silent(silent bool) {
	s.set(func() { s.silent = silent })
}

// Requests returns what was asked since the last call, as "GET secret/data/a".
func (s *Server) Requests() (list []string) {
	s.set(func() { list, s.requests = s.requests, nil })
	return list
}

func (s *Server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	silent := s.silent
	s.mu.Unlock()
	if silent {
		// net/http notices that a client has gone once its body is read.
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		return
	}
	status, answer := s.answer(r)
	text := []byte{}
	if answer != nil {
		text, _ = json.Marshal(answer)
		w.Header().Set("Content-Type", "application/json")
	}
	s.mu.Lock()
	missing := s.pad - len(text)
	s.mu.Unlock()
	if missing > 0 && strings.HasPrefix(r.URL.Path, "/v1/"+Mount+"/") {
		text = append([]byte(strings.Repeat(" ", missing)), text...)
	}
	w.WriteHeader(status)
	_, _ = w.Write(text) // the client may have gone
}

func (s *Server) answer(r *http.Request) (int, any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path, ok := strings.CutPrefix(r.URL.Path, "/v1/")
	s.requests = append(s.requests, r.Method+" "+path)
	switch {
	case !ok:
		return problem(http.StatusNotFound)
	case s.sealed:
		return problem(http.StatusServiceUnavailable, "Vault is sealed")
	case s.busy:
		return problem(http.StatusTooManyRequests, `request path "`+path+`": rate limit quota exceeded`)
	case r.Header.Get("X-Vault-Request") != "true":
		return problem(http.StatusPreconditionFailed, "missing 'X-Vault-Request' header")
	case r.Header.Get("X-Vault-Namespace") != s.space:
		return problem(http.StatusForbidden, "permission denied")
	}
	if method, ok := strings.CutSuffix(path, "/login"); ok {
		return s.login(strings.TrimPrefix(method, "auth/"), r)
	}
	t := s.tokens[r.Header.Get("X-Vault-Token")]
	if t == nil || !t.expires.IsZero() && !time.Now().Before(t.expires) {
		return problem(http.StatusForbidden, "permission denied")
	}
	if path == "auth/token/renew-self" {
		return s.renew(r, t)
	}
	if !t.admits(r.Method, path) {
		return problem(http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n")
	}
	if strings.HasPrefix(path, Mount+"/") {
		return s.engine(r, strings.TrimPrefix(path, Mount+"/"))
	}
	return problem(http.StatusNotFound, `no handler for route "`+path+`". route entry not found.`)
}

func (t *token) admits(method, path string) bool {
	if t.grant.ReadOnly && method != http.MethodGet {
		return false
	}
	for _, beginning := range t.grant.Paths {
		if strings.HasPrefix(path, beginning) {
			return true
		}
	}
	return false
}

// problem is an error as Vault words it: errors is there even when it is empty.
func problem(status int, errors ...string) (int, any) {
	if errors == nil {
		errors = []string{}
	}
	return status, map[string][]string{"errors": errors}
}
