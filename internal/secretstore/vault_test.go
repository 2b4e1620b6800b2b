package secretstore_test

import (
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/secretstore"
	"github.com/managedcas/managedcas/test/vault"
)

// inProcess is a network without wires: it works inside a synctest bubble.
type inProcess struct{ http.Handler }

func (n inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	answer := httptest.NewRecorder()
	n.ServeHTTP(answer, r)
	return answer.Result(), nil
}

// works checks that a store keeps and finds a document.
func works(t *testing.T, store *secretstore.Store) {
	t.Helper()
	id := org.NewID()
	if err := store.PutCoordinates(t.Context(), id, good()); err != nil {
		t.Fatal(err)
	}
	if got, err := store.Coordinates(t.Context(), id); err != nil || got != good() {
		t.Errorf("%v, %v", got, err)
	}
}

func TestVaultLogins(t *testing.T) {
	t.Parallel()
	server, address := serveVault(t)
	server.Admit(vault.AppRoleMount, "role-id", "secret-id", mayWrite)
	for name, login := range map[string]secretstore.VaultLogin{
		"kubernetes": {Method: secretstore.VaultKubernetes, Mount: vault.KubernetesMount, Role: "backend", File: written(t, "jwt-of-backend")},
		"approle":    {Method: secretstore.VaultAppRole, Mount: vault.AppRoleMount, Role: "role-id", File: written(t, " secret-id\n")},
		"token file": {Method: secretstore.VaultTokenFile, File: written(t, server.Token(mayWrite)+"\n")},
	} {
		cfg := inVault(t, address, "backend")
		cfg.Login = login
		works(t, newVault(t, cfg))
		if name == "token file" {
			continue
		}
		// What is shown is wrong: an operator's turn, told without what was shown.
		cfg.Login.File = written(t, "hush-hush")
		_, err := newVault(t, cfg).Coordinates(t.Context(), org.NewID())
		if !errors.Is(err, registry.ErrRefused) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A file with a token is read at every request: whoever keeps it fresh just writes it.
func TestVaultTokenFileIsReadAnew(t *testing.T) {
	t.Parallel()
	server, address := serveVault(t)
	cfg := inVault(t, address, "backend")
	cfg.Login = secretstore.VaultLogin{Method: secretstore.VaultTokenFile, File: written(t, server.Token(mayWrite))}
	store := newVault(t, cfg)
	works(t, store)
	server.Revoke()
	if _, err := store.Coordinates(t.Context(), org.NewID()); !errors.Is(err, registry.ErrRefused) {
		t.Errorf("revoked: %v", err)
	}
	if err := os.WriteFile(cfg.Login.File, []byte(server.Token(mayWrite)), 0o600); err != nil {
		t.Fatal(err)
	}
	works(t, store)
}

func TestVaultTokenFileLimits(t *testing.T) {
	t.Parallel()
	_, address := serveVault(t)
	for name, tc := range map[string]struct {
		text string
		want string
	}{
		"at the limit":   {strings.Repeat("x", secretstore.MaxVaultToken), "permission denied"}, // it was sent
		"one more":       {strings.Repeat("x", secretstore.MaxVaultToken+1), "does not hold one token"},
		"empty":          {"\n", "does not hold one token"},
		"two lines":      {"a\nb", "does not hold one token"},
		"a control code": {"a\x00b", "does not hold one token"},
	} {
		cfg := inVault(t, address, "backend")
		cfg.Login = secretstore.VaultLogin{Method: secretstore.VaultTokenFile, File: written(t, tc.text)}
		_, err := newVault(t, cfg).Coordinates(t.Context(), org.NewID())
		if !errors.Is(err, registry.ErrRefused) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
	cfg := inVault(t, address, "backend")
	cfg.Login.File += "-not-there"
	if _, err := newVault(t, cfg).Coordinates(t.Context(), org.NewID()); !errors.Is(err, registry.ErrRefused) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// Tokens end. They are renewed before they do, and replaced when renewals give nothing
// more.
func TestVaultTokensAreRenewedAndReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := vault.New()
		grant := mayWrite
		grant.TTL, grant.MaxTTL = time.Hour, 3*time.Hour
		server.Admit(vault.KubernetesMount, "backend", "jwt-of-backend", grant)
		store := secretstore.Over(newVault(t, inVault(t, "https://vault.test", "backend")), inProcess{server})
		var logins, renewals int
		for range 24 * 6 { // a day, a request every ten minutes
			if _, err := store.Coordinates(t.Context(), org.NewID()); !errors.Is(err, registry.ErrNotFound) {
				t.Fatal(err)
			}
			for _, request := range server.Requests() {
				switch request {
				case "POST auth/kubernetes/login":
					logins++
				case "POST auth/token/renew-self":
					renewals++
				}
			}
			time.Sleep(10 * time.Minute)
		}
		if logins < 8 || logins > 12 || renewals < 2*logins {
			t.Errorf("%d logins and %d renewals in a day of tokens of one hour, three at most", logins, renewals)
		}
	})
}

// A revoked token is replaced at once; one whose policy is wrong is not replaced for
// every request that it is refused.
func TestVaultRefusalsAreNoStorm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := vault.New()
		server.Admit(vault.KubernetesMount, "backend", "jwt-of-backend", mayWrite)
		server.Admit(vault.KubernetesMount, "cas", "jwt-of-cas", mayRead)
		store := secretstore.Over(newVault(t, inVault(t, "https://vault.test", "backend")), inProcess{server})
		works(t, store)
		server.Revoke()
		works(t, store)

		reader := secretstore.Over(newVault(t, inVault(t, "https://vault.test", "cas")), inProcess{server})
		server.Requests()
		for range 100 {
			if err := reader.PutCoordinates(t.Context(), org.NewID(), good()); !errors.Is(err, registry.ErrRefused) {
				t.Fatal(err)
			}
		}
		count := func() (logins int) {
			for _, request := range server.Requests() {
				if strings.HasSuffix(request, "/login") {
					logins++
				}
			}
			return logins
		}
		if n := count(); n != 2 { // the first, and one to see whether another token helps
			t.Errorf("%d logins for 100 refusals, want 2", n)
		}
		time.Sleep(secretstore.LoginPause)
		if err := reader.PutCoordinates(t.Context(), org.NewID(), good()); !errors.Is(err, registry.ErrRefused) || count() != 1 {
			t.Errorf("after the pause: %v, want another login", err)
		}
	})
}

func TestVaultDeletesEveryVersion(t *testing.T) {
	t.Parallel()
	server, address := serveVault(t)
	store, id := newVault(t, inVault(t, address, "backend")), org.NewID()
	path := prefix + "/" + id.String()
	for range 2 {
		if err := store.PutCoordinates(t.Context(), id, good()); err != nil {
			t.Fatal(err)
		}
	}
	// What "vault kv delete" left can be brought back, but is not there.
	server.DeleteLatest(path)
	if _, err := store.Coordinates(t.Context(), id); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("latest version deleted: %v, want ErrNotFound", err)
	}
	server.Requests()
	if err := store.DeleteCoordinates(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if server.Planted(path) != nil || !slices.Equal(server.Requests(), []string{"DELETE secret/metadata/" + path}) {
		t.Error("a version is left")
	}
}

func TestVaultAnswersAreBounded(t *testing.T) {
	t.Parallel()
	server, address := serveVault(t)
	store, id := newVault(t, inVault(t, address, "backend")), org.NewID()
	if err := store.PutCoordinates(t.Context(), id, good()); err != nil {
		t.Fatal(err)
	}
	server.Pad(secretstore.MaxVaultAnswer)
	if _, err := store.Coordinates(t.Context(), id); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	server.Pad(secretstore.MaxVaultAnswer + 1)
	if _, err := store.Coordinates(t.Context(), id); !errors.Is(err, secretstore.ErrMalformed) {
		t.Errorf("one byte more: %v, want ErrMalformed", err)
	}
}

// Who has to act is told from who only has to wait.
func TestVaultRefusals(t *testing.T) {
	t.Parallel()
	server, address := serveVault(t)
	root := secretstore.VaultLogin{Method: secretstore.VaultTokenFile, File: written(t, server.Token(vault.Grant{Paths: []string{""}}))}
	fixed := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	for name, tc := range map[string]struct {
		network http.RoundTripper
		mount   string
		want    error
		hint    string
	}{
		"another mount":        {inProcess{server}, "kv", registry.ErrRefused, "vault.mount"},
		"KV version 1":         {inProcess{fixed(http.StatusNoContent, "")}, vault.Mount, registry.ErrRefused, "not KV version 2"},
		"a redirect":           {inProcess{fixed(http.StatusTemporaryRedirect, "")}, vault.Mount, registry.ErrUnavailable, "active node"},
		"too many":             {inProcess{fixed(http.StatusTooManyRequests, `{"errors":["quota"]}`)}, vault.Mount, registry.ErrUnavailable, "quota"},
		"not yet replicated":   {inProcess{fixed(http.StatusPreconditionFailed, "")}, vault.Mount, registry.ErrUnavailable, "412"},
		"a proxy's page":       {inProcess{fixed(http.StatusBadGateway, "<html>")}, vault.Mount, registry.ErrUnavailable, "502"},
		"a page for an answer": {inProcess{fixed(http.StatusOK, "<html>")}, vault.Mount, registry.ErrUnavailable, "not Vault's JSON"},
		"a long complaint":     {inProcess{fixed(http.StatusBadRequest, `{"errors":["`+strings.Repeat("x", 4000)+`"]}`)}, vault.Mount, registry.ErrRefused, "…"},
	} {
		cfg := inVault(t, address, "backend")
		cfg.Login, cfg.Mount = root, tc.mount
		err := secretstore.Over(newVault(t, cfg), tc.network).PutCoordinates(t.Context(), org.NewID(), good())
		if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.hint) || len(err.Error()) > 1000 {
			t.Errorf("%s: %v, want %v with %q", name, err, tc.want, tc.hint)
		}
		if kind := problem.KindOf(cas.Problem(err)); kind != problem.Unavailable {
			t.Errorf("%s: a client is told %s", name, kind)
		}
	}
}

func TestVaultNamespace(t *testing.T) {
	t.Parallel()
	server, address := serveVault(t)
	server.Namespace("team/a")
	cfg := inVault(t, address, "backend")
	if _, err := newVault(t, cfg).Coordinates(t.Context(), org.NewID()); !errors.Is(err, registry.ErrRefused) {
		t.Errorf("without: %v", err)
	}
	cfg.Namespace = "team/a"
	works(t, newVault(t, cfg))
}

func TestVaultOverTLS(t *testing.T) {
	t.Parallel()
	server := vault.New()
	server.Admit(vault.KubernetesMount, "backend", "jwt-of-backend", mayWrite)
	listening := httptest.NewTLSServer(server)
	t.Cleanup(listening.Close)
	cfg := inVault(t, listening.URL, "backend")
	if err := newVault(t, cfg).PutCoordinates(t.Context(), org.NewID(), good()); err == nil || len(server.Requests()) != 0 {
		t.Errorf("a certificate of nobody's: %v", err)
	}
	cfg.CAFile = written(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: listening.Certificate().Raw})))
	works(t, newVault(t, cfg))
	cfg.CAFile = written(t, "no certificate")
	if _, err := secretstore.NewVault(cfg); err == nil || !strings.Contains(err.Error(), "PEM") {
		t.Errorf("%v", err)
	}
}

func TestVaultConfiguration(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*secretstore.VaultConfig)
		want   string // "": accepted
	}{
		"https":               {func(c *secretstore.VaultConfig) { c.Address = "https://vault.example:8200/" }, ""},
		"http on localhost":   {func(c *secretstore.VaultConfig) { c.Address = "http://localhost:8200" }, ""},
		"http elsewhere":      {func(c *secretstore.VaultConfig) { c.Address = "http://vault.example:8200" }, "in the clear"},
		"no address":          {func(c *secretstore.VaultConfig) { c.Address = "" }, "vault.address"},
		"a password in it":    {func(c *secretstore.VaultConfig) { c.Address = "https://u:hush@vault.example" }, "vault.address"},
		"a path in it":        {func(c *secretstore.VaultConfig) { c.Address = "https://vault.example/v1" }, "vault.address"},
		"a query":             {func(c *secretstore.VaultConfig) { c.Address = "https://vault.example?x" }, "vault.address"},
		"a mount below":       {func(c *secretstore.VaultConfig) { c.Mount = "team/kv" }, ""},
		"longest path":        {func(c *secretstore.VaultConfig) { c.PathPrefix = strings.Repeat("p", 256) }, ""},
		"too long a path":     {func(c *secretstore.VaultConfig) { c.PathPrefix = strings.Repeat("p", 257) }, "vault.pathPrefix"},
		"a way out":           {func(c *secretstore.VaultConfig) { c.PathPrefix = "managedcas/.." }, "no names"},
		"no prefix":           {func(c *secretstore.VaultConfig) { c.PathPrefix = "" }, "vault.pathPrefix"},
		"a slash at its end":  {func(c *secretstore.VaultConfig) { c.Mount = "secret/" }, "vault.mount"},
		"a query in a mount":  {func(c *secretstore.VaultConfig) { c.Mount = "secret?x" }, "vault.mount"},
		"an unknown method":   {func(c *secretstore.VaultConfig) { c.Login.Method = "ldap" }, "vault.auth"},
		"no role":             {func(c *secretstore.VaultConfig) { c.Login.Role = "" }, "role"},
		"no file":             {func(c *secretstore.VaultConfig) { c.Login.File = "" }, "file"},
		"no mount of a login": {func(c *secretstore.VaultConfig) { c.Login.Mount = "" }, "authMount"},
		"no such certificate": {func(c *secretstore.VaultConfig) { c.CAFile = "/nowhere/ca.pem" }, "caFile"},
	} {
		cfg := inVault(t, "https://vault.example:8200", "backend")
		tc.change(&cfg)
		_, err := secretstore.NewVault(cfg)
		switch {
		case tc.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "hush")):
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}
