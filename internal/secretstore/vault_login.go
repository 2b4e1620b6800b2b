package secretstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/registry"
)

// How a process logs in to Vault.
const (
	// VaultKubernetes shows the token of the pod's service account.
	VaultKubernetes = "kubernetes"
	// VaultAppRole shows a role id and a secret id, which is in a file.
	VaultAppRole = "approle"
	// VaultTokenFile takes the token from a file, which somebody else keeps fresh: Vault
	// Agent for instance.
	VaultTokenFile = "tokenFile"
)

// VaultLogin is a method and what it needs.
type VaultLogin struct {
	Method string
	Mount  string // of the method in Vault; unused with tokenFile
	Role   string // kubernetes: the role's name; approle: the role id
	// File holds the service account's token, the secret id or the token. It is read at
	// every login, or at every request when it is the token itself.
	File string
}

const (
	maxVaultToken = 16 << 10 // of what a file holds, in bytes
	// loginPause is the time between two logins because of a refusal. When a policy is
	// wrong every request is refused, and a login for each would not help.
	loginPause = 10 * time.Second
	// maxLease is as long as a token is believed to last.
	maxLease = 365 * 24 * time.Hour
)

// vaultToken is what a login gave.
type vaultToken struct {
	text      string
	renewable bool
	renew     time.Time // from then on it is renewed; zero: it does not end
}

// vaultAuth is the "auth" of an answer.
type vaultAuth struct {
	Token     string `json:"client_token"`
	Seconds   int64  `json:"lease_duration"`
	Renewable bool   `json:"renewable"`
}

// taken is the token with its time: a third of what is left is for what goes wrong.
func (a vaultAuth) taken(now time.Time) (*vaultToken, error) {
	if a.Token == "" {
		return nil, fmt.Errorf("%w: vault answers a login without a token", registry.ErrUnavailable)
	}
	t := &vaultToken{text: a.Token, renewable: a.Renewable}
	if a.Seconds > 0 {
		lease := min(a.Seconds, int64(maxLease/time.Second)) // more seconds than a Duration has would be a past
		t.renew = now.Add(time.Duration(lease) * time.Second * 2 / 3)
	}
	return t, nil
}

func (t *vaultToken) fresh(now time.Time) bool {
	return t != nil && (t.renew.IsZero() || now.Before(t.renew))
}

// current returns a token to make a request with.
func (v *vault) current(ctx context.Context) (string, error) {
	if v.cfg.Login.Method == VaultTokenFile {
		return readSecretFile(v.cfg.Login.File)
	}
	if t := v.token.Load(); t.fresh(time.Now()) {
		return t.text, nil
	}
	if err := v.lock(ctx); err != nil {
		return "", err
	}
	defer v.unlock()
	old := v.token.Load()
	if old.fresh(time.Now()) { // somebody else has been here
		return old.text, nil
	}
	if old != nil && old.renewable {
		if t, err := v.renewed(ctx, old); err == nil {
			return t.text, nil
		}
	}
	return v.loggedIn(ctx)
}

// replace returns another token than one that was refused, or the same when another
// login would be too soon, or no login makes one.
func (v *vault) replace(ctx context.Context, refused string) (string, error) {
	if v.cfg.Login.Method == VaultTokenFile {
		return readSecretFile(v.cfg.Login.File)
	}
	if err := v.lock(ctx); err != nil {
		return "", err
	}
	defer v.unlock()
	if t := v.token.Load(); t != nil && t.text != refused {
		return t.text, nil
	}
	if time.Since(v.tried) < loginPause {
		return refused, nil
	}
	v.tried = time.Now()
	return v.loggedIn(ctx)
}

// renewed asks for more time. Near the token's last day Vault grants little or nothing;
// a token whose time was not extended is given up.
func (v *vault) renewed(ctx context.Context, old *vaultToken) (*vaultToken, error) {
	answer, err := v.request(ctx, old.text, http.MethodPost, "auth/token/renew-self", struct{}{})
	if err != nil {
		return nil, err
	}
	t, err := answer.Auth.taken(time.Now())
	if err != nil {
		return nil, err
	}
	if !t.fresh(time.Now().Add(time.Minute)) {
		return nil, errors.New("the token is near its end")
	}
	v.token.Store(t)
	return t, nil
}

func (v *vault) loggedIn(ctx context.Context) (string, error) {
	shown, err := readSecretFile(v.cfg.Login.File)
	if err != nil {
		return "", err
	}
	body := map[string]string{"role": v.cfg.Login.Role, "jwt": shown}
	if v.cfg.Login.Method == VaultAppRole {
		body = map[string]string{"role_id": v.cfg.Login.Role, "secret_id": shown}
	}
	answer, err := v.request(ctx, "", http.MethodPost, "auth/"+v.cfg.Login.Mount+"/login", body)
	if err != nil {
		return "", fmt.Errorf("logging in with %s: %w", v.cfg.Login.Method, err)
	}
	t, err := answer.Auth.taken(time.Now())
	if err != nil {
		return "", err
	}
	v.token.Store(t)
	return t.text, nil
}

// lock waits for whoever logs in, no longer than the caller has.
func (v *vault) lock(ctx context.Context) error {
	select {
	case v.login <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (v *vault) unlock() { <-v.login }

// readSecretFile reads a token. Its errors name the file and never its content.
func readSecretFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("%w this process: %w", registry.ErrRefused, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxVaultToken+1))
	if err != nil {
		return "", fmt.Errorf("%w this process: %w", registry.ErrRefused, err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" || len(text) > maxVaultToken || strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return "", fmt.Errorf("%w this process: %s does not hold one token of at most %d bytes", registry.ErrRefused, name, maxVaultToken)
	}
	return token, nil
}
