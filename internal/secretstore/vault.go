package secretstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// VaultConfig says where HashiCorp Vault, or a server with its API, keeps documents, and
// how this process logs in. Its fields are checked by NewVault.
type VaultConfig struct {
	// Address is https://HOST:PORT; plain http on loopback only.
	Address string
	// Namespace is for Vault Enterprise; empty: none.
	Namespace string
	// CAFile holds the certificates that Vault's is verified with, PEM; empty: the
	// system's. It is read once.
	CAFile string
	// Mount is the path of the KV engine, version 2.
	Mount string
	// PathPrefix is where documents are in it; the organization's UUID follows.
	PathPrefix string
	Login      VaultLogin
}

// vault keeps documents in a KV engine, version 2, one secret per organization, whose
// fields are those of the document: what others keep there, too (facts WIRE §9).
//
// It is net/http and not Vault's own client, which is 15 modules for these five
// requests, takes settings from the environment, reads answers of any length, and does
// not tell an engine that is not there from a secret that is not
// (https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2).
type vault struct {
	cfg   VaultConfig
	http  *http.Client
	login chan struct{} // held by whoever logs in
	token atomic.Pointer[vaultToken]
	tried time.Time // the last login after a refusal; guarded by login
}

// NewVault returns a Store over Vault. It makes no request.
func NewVault(cfg VaultConfig) (*Store, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	client, err := vaultClient(cfg)
	if err != nil {
		return nil, err
	}
	return newStore(&vault{cfg: cfg, http: client, login: make(chan struct{}, 1)}), nil
}

func (v *vault) path(kind string, id org.ID) string {
	return v.cfg.Mount + "/" + kind + "/" + v.cfg.PathPrefix + "/" + id.String()
}

func (v *vault) put(ctx context.Context, id org.ID, document []byte) error {
	answer, err := v.call(ctx, http.MethodPost, v.path("data", id), map[string]any{"data": json.RawMessage(document)})
	if err != nil {
		return err
	}
	var written struct {
		Version int64 `json:"version"`
	}
	if err := json.Unmarshal(answer, &written); err != nil || written.Version == 0 {
		// Version 1 of the engine takes any path and says nothing.
		return fmt.Errorf("%w: the engine at vault.mount %s is not KV version 2", registry.ErrRefused, v.cfg.Mount)
	}
	return nil
}

func (v *vault) get(ctx context.Context, id org.ID) ([]byte, error) {
	answer, err := v.call(ctx, http.MethodGet, v.path("data", id), nil)
	if err != nil {
		return nil, err
	}
	var found struct {
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(answer, &found); err != nil {
		return nil, fmt.Errorf("%w: the engine at vault.mount %s is not KV version 2", registry.ErrRefused, v.cfg.Mount)
	}
	return found.Data, nil
}

// delete removes all versions: the latest alone could be brought back.
func (v *vault) delete(ctx context.Context, id org.ID) error {
	_, err := v.call(ctx, http.MethodDelete, v.path("metadata", id), nil)
	if errors.Is(err, registry.ErrNotFound) {
		return nil
	}
	return err
}

// call makes a request as whoever this process is logged in as, and returns the data of
// its answer. A token that is refused may have been revoked: it is replaced once.
func (v *vault) call(ctx context.Context, method, path string, body any) (json.RawMessage, error) {
	token, err := v.current(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := v.request(ctx, token, method, path, body)
	if !errors.Is(err, errVaultForbidden) {
		return answer.Data, err
	}
	fresh, again := v.replace(ctx, token)
	switch {
	case again != nil:
		return nil, again
	case fresh == token:
		return nil, err
	}
	answer, err = v.request(ctx, fresh, method, path, body)
	return answer.Data, err
}
