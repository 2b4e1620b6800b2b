package service_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/secretstore"
	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/internal/tenancy"
)

func configured(t *testing.T, store string) service.Config {
	t.Helper()
	cfg, err := service.ParseConfig([]byte(complete + store))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestSecretStoreDefaults(t *testing.T) {
	t.Parallel()
	cfg := configured(t, "")
	if cfg.SecretStore.Driver != service.SecretsInDatabase || cfg.Backend.ManagedCas.Names().Secrets != (tenancy.SecretsManager{}) {
		t.Errorf("%+v", cfg.SecretStore)
	}
	// The workload policies follow the driver, not what is written under aws.
	cfg = configured(t, "secretStore: {driver: vault, aws: {namePrefix: cas/}}\n")
	if got := cfg.Backend.ManagedCas.Names().Secrets; got != (tenancy.SecretsManager{}) {
		t.Errorf("with vault: %+v", got)
	}
	cfg = configured(t, "secretStore: {driver: awsSecretsManager}\n")
	if got := cfg.Backend.ManagedCas.Names().Secrets; got != (tenancy.SecretsManager{Prefix: "managedcas/"}) {
		t.Errorf("with awsSecretsManager: %+v", got)
	}
}

func TestSecretStoreRefusals(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"secretStore: {driver: consul}\n":        "database, vault or awsSecretsManager",
		"secretStore: {vault: {token: hvs.1}}\n": "token", // no place for a token in the clear
	} {
		if _, err := service.ParseConfig([]byte(complete + text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestVaultForAProcess(t *testing.T) {
	t.Parallel()
	const address = "address: https://vault:8200"
	for text, want := range map[string]secretstore.VaultLogin{
		"role: writer": {Method: "kubernetes", Mount: "kubernetes", Role: "writer", File: "/var/run/secrets/kubernetes.io/serviceaccount/token"},
		"auth: kubernetes, authMount: eks, role: writer, jwtFile: /jwt":    {Method: "kubernetes", Mount: "eks", Role: "writer", File: "/jwt"},
		"auth: approle, roleId: r, secretIdFile: /s, jwtFile: /j, role: x": {Method: "approle", Mount: "approle", Role: "r", File: "/s"},
		"auth: tokenFile, tokenFile: /t":                                   {Method: "tokenFile", Mount: "tokenFile", File: "/t"},
	} {
		cfg := configured(t, "secretStore: {driver: vault, vault: {"+address+", "+text+"}}\n").SecretStore.Vault
		if diff := cmp.Diff(secretstore.VaultConfig{
			Address: "https://vault:8200", Mount: "secret", PathPrefix: "managedcas", Login: want,
		}, cfg.For(cfg.CASRole)); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
	cfg := configured(t, "secretStore: {driver: vault, vault: {"+address+", role: writer, casRole: reader}}\n").SecretStore.Vault
	if cfg.For(cfg.Role).Login.Role != "writer" || cfg.For(cfg.CASRole).Login.Role != "reader" {
		t.Errorf("%+v", cfg)
	}
}
