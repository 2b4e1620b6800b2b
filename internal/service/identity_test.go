package service

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/federation"
)

func TestIdentityConfiguration(t *testing.T) {
	t.Parallel()
	const good = `
controlplane:
  publicUrl: https://cas.example.com
  oidc:
    issuer: https://id.example.com/realms/x
    clientId: managedcas
    clientSecretFile: /etc/secret
    allowedDomains: [example.com]
    instanceAdmins: [ann@example.com]
    loginLifetime: 1h
`
	if _, err := ParseConfig([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ replace, by, want string }{
		{"controlplane:", "controlplane:\n  organizationCreation: everyone", ""},
		{"controlplane:", "controlplane:\n  organizationCreation: nobody", "controlplane.organizationCreation"},
		{"https://cas.example.com", "http://cas.example.com", "controlplane.publicUrl"},
		{"https://cas.example.com", "http://127.0.0.1:8000", ""},
		{"https://cas.example.com", "https://cas.example.com/managedcas", "controlplane.publicUrl"},
		{"https://cas.example.com", `""`, "controlplane.publicUrl"},
		{"https://cas.example.com", "https://:443", "controlplane.publicUrl"},
		{"https://id.example.com/realms/x", "http://id.example.com", "controlplane.oidc.issuer"},
		{"    issuer: https://id.example.com/realms/x\n", "", "controlplane.oidc.issuer is missing"},
		{"clientId: managedcas", "clientId: ''", "controlplane.oidc.clientId"},
		{"clientSecretFile: /etc/secret", "clientSecretFile: ''", "controlplane.oidc.clientSecretFile"},
		{"[example.com]", "['*.example.com']", "controlplane.oidc.allowedDomains"},
		{"[example.com]", "['ann@example.com']", "controlplane.oidc.allowedDomains"},
		{"[ann@example.com]", "[ann]", "controlplane.oidc.instanceAdmins"},
		{"loginLifetime: 1h", "loginLifetime: 5m", ""},
		{"loginLifetime: 1h", "loginLifetime: 4m59s", "controlplane.oidc.loginLifetime"},
		{"loginLifetime: 1h", "loginLifetime: 168h", ""},
		{"loginLifetime: 1h", "loginLifetime: 168h0m1s", "controlplane.oidc.loginLifetime"},
		{"  oidc:", "  federation: {issuers: ['http://gitlab.example.com']}\n  oidc:", "controlplane.federation.issuers"},
	} {
		text := strings.Replace(good, tc.replace, tc.by, 1)
		if _, err := ParseConfig([]byte(text)); (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.by, err, tc.want)
		}
	}
}

func TestFederationDefaults(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"": len(federation.DefaultIssuers), "controlplane: {federation: {issuers: []}}": 0, "controlplane: {federation: {issuers: [https://gitlab.example.com]}}": 1} {
		cfg, err := ParseConfig([]byte(text))
		if err != nil || len(cfg.Controlplane.Federation.Issuers) != want {
			t.Errorf("%q: %v, %v", text, cfg.Controlplane.Federation.Issuers, err)
		}
		if _, configured, err := cfg.Controlplane.SignIn(); configured || err != nil {
			t.Errorf("%q: sign-in configured %t, %v", text, configured, err)
		}
	}
}

func TestTheClientSecretIsAFile(t *testing.T) {
	t.Parallel()
	c := Controlplane{PublicURL: "https://cas.example.com", OIDC: OIDC{Issuer: "https://id.example.com", ClientID: "x", ClientSecretFile: filepath.Join(t.TempDir(), "secret")}}
	if _, _, err := c.SignIn(); err == nil || !strings.Contains(err.Error(), "clientSecretFile") {
		t.Errorf("a file that is not there: %v", err)
	}
	if err := os.WriteFile(c.OIDC.ClientSecretFile, []byte("swordfish\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if cfg, configured, err := c.SignIn(); err != nil || !configured || cfg.ClientSecret != "swordfish" {
		t.Errorf("%q, %t, %v", cfg.ClientSecret, configured, err)
	}
}

// A secret that is cut would be refused by the provider, which does not say why.
func TestAClientSecretIsWholeOrRefused(t *testing.T) {
	t.Parallel()
	c := Controlplane{OIDC: OIDC{Issuer: "https://id.example.com", ClientSecretFile: filepath.Join(t.TempDir(), "secret")}}
	for size, ok := range map[int]bool{maxSecret: true, maxSecret + 1: false} {
		if err := os.WriteFile(c.OIDC.ClientSecretFile, []byte(strings.Repeat("s", size)), 0o600); err != nil {
			t.Fatal(err)
		}
		if cfg, _, err := c.SignIn(); (err == nil) != ok || ok && len(cfg.ClientSecret) != size || err != nil && strings.Contains(err.Error(), "sss") {
			t.Errorf("%d bytes: %d are used, %v", size, len(cfg.ClientSecret), err)
		}
	}
}
