package signin

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
)

// codeTime is how long a client on the user's machine may take to exchange its code.
const codeTime = time.Minute

// client is one on the user's machine that waits on a port of loopback (RFC 8252 §7.3).
type client struct {
	Port      int    `json:"p"`
	Challenge string `json:"h"`
	State     string `json:"s"`
	Name      string `json:"n"`
}

const (
	minPort  = 1024 // below, other services listen than clients of people
	maxPort  = 65535
	maxState = 128
	s256     = 43 // characters of a challenge (RFC 7636 §4.2)
)

// clientLogin signs somebody in whose client waits.
func (s *SignIn) clientLogin(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	port, err := strconv.Atoi(query.Get("port"))
	c := client{Port: port, Challenge: query.Get("challenge"), State: query.Get("state"), Name: clientName(query.Get("name"))}
	if err != nil || port < minPort || port > maxPort || len(c.Challenge) != s256 || c.State == "" || len(c.State) > maxState {
		s.fail(w, r, http.StatusBadRequest, "This is no address of a client that waits. Run managedcas auth login again.", nil)
		return
	}
	s.begin(w, r, attempt{Client: c})
}

// redirect sends the browser to the client with an answer.
func (c client) redirect(w http.ResponseWriter, r *http.Request, answer url.Values) {
	answer.Set("state", c.State)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, c.origin()+"/callback?"+answer.Encode(), http.StatusSeeOther)
}

// origin is where the client waits.
func (c client) origin() string {
	return "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(c.Port))
}

// toClient sends the browser to the client, with a code that is of use to it alone.
func (s *SignIn) toClient(w http.ResponseWriter, r *http.Request, c client, user uuid.UUID) {
	code, now := secret(), time.Now()
	err := s.cfg.Store.CreateClientCode(r.Context(), registry.ClientCode{
		Sum: sha256.Sum256([]byte(code)), User: user, Challenge: c.Challenge, Client: c.Name, ExpiresAt: now.Add(codeTime),
	}, now)
	if err != nil {
		s.fail(w, r, http.StatusServiceUnavailable, "The database does not answer. Try again in a moment.", err)
		return
	}
	c.redirect(w, r, url.Values{"code": {code}})
}

// clientToken gives a client its login, for the code and for what its challenge was made of.
func (s *SignIn) clientToken(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	code, err := s.cfg.Store.UseClientCode(r.Context(), sha256.Sum256([]byte(r.PostFormValue("code"))), now)
	if errors.Is(err, registry.ErrNotFound) {
		oauthError(w, "invalid_grant", "the code is not good: it is good once, for a minute")
		return
	}
	if err != nil {
		s.unavailable(w, r, err)
		return
	}
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(code.Challenge)) != 1 {
		oauthError(w, "invalid_grant", "the code was made for another client")
		return
	}
	u, err := s.cfg.Store.User(r.Context(), code.User)
	if err != nil {
		s.unavailable(w, r, err)
		return
	}
	s.give(w, r, u, code.Client)
}

// give answers a client with its login.
func (s *SignIn) give(w http.ResponseWriter, r *http.Request, u registry.User, name string) {
	text, login, err := s.cfg.Tokens.LogIn(as(r.Context(), u), u, name, s.cfg.LoginLifetime)
	if err != nil {
		s.unavailable(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token": text, "token_type": "Bearer", "expires_in": int(time.Until(login.ExpiresAt).Seconds()),
	})
}

func (s *SignIn) unavailable(w http.ResponseWriter, r *http.Request, err error) {
	s.cfg.Log.ErrorContext(r.Context(), "sign-in", "path", r.URL.Path, "error", err)
	problem.WriteHTTP(w, problem.Wrap(err, problem.Unavailable, "the database does not answer", "try again in a moment"))
}

// oauthError answers as RFC 6749 §5.2 has it.
func oauthError(w http.ResponseWriter, code, description string) {
	writeJSON(w, http.StatusBadRequest, map[string]any{"error": code, "error_description": description})
}

func writeJSON(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may have gone
}
