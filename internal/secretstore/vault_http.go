package secretstore

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/registry"
)

// maxVaultAnswer bounds an answer of Vault, in bytes: a document and what is around it.
const maxVaultAnswer = 64 << 10

// errVaultForbidden is Vault's 403: the token is not good any more, or its policies do
// not admit the path. Vault does not tell the two apart.
var errVaultForbidden = fmt.Errorf("%w (403)", registry.ErrRefused)

func vaultClient(cfg VaultConfig) (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	transport.MaxResponseHeaderBytes = maxVaultAnswer
	transport.IdleConnTimeout = 30 * time.Second
	if cfg.CAFile != "" {
		text, err := os.ReadFile(cfg.CAFile)
		if err != nil {
			return nil, fmt.Errorf("reading vault.caFile: %w", err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("vault.caFile %s holds no certificate: give one in PEM", cfg.CAFile)
		}
		transport.TLSClientConfig.RootCAs = roots
	}
	return &http.Client{
		Transport: transport,
		// A standby may point to the active node; the token does not follow it there.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// vaultAnswer is what an answer holds: data, or the auth of a login.
type vaultAnswer struct {
	Data json.RawMessage `json:"data"`
	Auth vaultAuth       `json:"auth"`
}

// request makes one request; the answer to a success without content is empty.
func (v *vault) request(ctx context.Context, token, method, path string, body any) (vaultAnswer, error) {
	var answer vaultAnswer
	status, text, err := v.exchange(ctx, token, method, path, body)
	if err != nil {
		return answer, fmt.Errorf("%w: vault: %w", registry.ErrUnavailable, err)
	}
	if err := refusal(status, text); err != nil {
		return answer, fmt.Errorf("vault: %s %s: %w", method, path, err)
	}
	if len(text) > maxVaultAnswer {
		return answer, fmt.Errorf("vault: %s %s: %w: the answer has more than %d bytes", method, path, ErrMalformed, maxVaultAnswer)
	}
	if status == http.StatusNoContent {
		return answer, nil
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		// The decoder's error may quote the answer.
		return answer, fmt.Errorf("vault: %s %s: %w: the answer is not Vault's JSON", method, path, registry.ErrUnavailable)
	}
	return answer, nil
}

// exchange sends a request and reads the answer, up to one byte more than is allowed.
func (v *vault) exchange(ctx context.Context, token, method, path string, body any) (int, []byte, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return 0, nil, fmt.Errorf("writing the request: %w", err)
		}
		content = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(v.cfg.Address, "/")+"/v1/"+path, content)
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("X-Vault-Request", "true") // agents may demand it
	if token != "" {
		r.Header.Set("X-Vault-Token", token)
	}
	if v.cfg.Namespace != "" {
		r.Header.Set("X-Vault-Namespace", v.cfg.Namespace)
	}
	response, err := v.http.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxVaultAnswer+1))
	return response.StatusCode, answer, err
}

// refusal is the error that an answer is, if it is one
// (https://developer.hashicorp.com/vault/api-docs#http-status-codes).
func refusal(status int, answer []byte) error {
	var told struct {
		Errors []string `json:"errors"`
	}
	_ = json.Unmarshal(answer, &told) // a proxy's error is no JSON
	why := strings.Join(told.Errors, "; ")
	if len(why) > 512 {
		why = why[:512] + "…"
	}
	switch {
	case status == http.StatusOK || status == http.StatusNoContent:
		return nil
	case status == http.StatusNotFound && len(told.Errors) == 0:
		// Also the answer about a secret whose latest version was deleted.
		return registry.ErrNotFound
	case status == http.StatusNotFound:
		return fmt.Errorf("%w (404: %s): is vault.mount the KV engine's, and the login method where authMount says?", registry.ErrRefused, why)
	case status == http.StatusForbidden:
		return fmt.Errorf("%w: %s: does the policy of the role admit this path?", errVaultForbidden, why)
	case status >= 300 && status < 400:
		return fmt.Errorf("%w: it redirects (%d): give the address of the active node, or of one that forwards", registry.ErrUnavailable, status)
	case status == http.StatusTooManyRequests, status == http.StatusPreconditionFailed, status >= 472:
		return fmt.Errorf("%w (%d: %s)", registry.ErrUnavailable, status, why)
	}
	return fmt.Errorf("%w (%d: %s)", registry.ErrRefused, status, why)
}

var errVaultAddress = errors.New("want https://HOST:PORT, or http on loopback, without a path")
