package service

import (
	"fmt"
	"slices"

	"github.com/managedcas/managedcas/internal/secretstore"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// The drivers of a secret store.
const (
	SecretsInDatabase = "database"
	SecretsInVault    = "vault"
	SecretsInAWS      = "awsSecretsManager"
)

// SecretStore says where the coordinates of organizations are kept: the backend writes
// them, cas reads them, so both need the same. They hold no credentials. After a change
// the backend's next pass writes all of them anew; what the old store holds stays.
type SecretStore struct {
	Driver string     `yaml:"driver"` // database (default), vault or awsSecretsManager
	Vault  Vault      `yaml:"vault"`
	AWS    AWSSecrets `yaml:"aws"`
}

// AWSSecrets configures AWS Secrets Manager. Run managedcasd provision after a change:
// the workload roles get permissions for these secrets.
type AWSSecrets struct {
	NamePrefix string `yaml:"namePrefix"` // default managedcas/; ends with / or -
	KMSKeyARN  string `yaml:"kmsKeyArn"`  // default the AWS managed key; not the bucket's
}

// Vault configures HashiCorp Vault, or a server with its API: a KV engine of version 2.
type Vault struct {
	Address    string `yaml:"address"`    // https://HOST:PORT; plain http on loopback only
	Namespace  string `yaml:"namespace"`  // of Vault Enterprise
	CAFile     string `yaml:"caFile"`     // default the system's certificates
	Mount      string `yaml:"mount"`      // of the KV engine; default secret
	PathPrefix string `yaml:"pathPrefix"` // default managedcas
	Auth       string `yaml:"auth"`       // kubernetes (default), approle or tokenFile
	AuthMount  string `yaml:"authMount"`  // default the method's name
	// Role is whom the backend logs in as with kubernetes; CASRole is cas's, default Role.
	// Give cas one that may only read.
	Role    string `yaml:"role"`
	CASRole string `yaml:"casRole"`
	// JWTFile is the token of the service account, for kubernetes; default the one that
	// Kubernetes mounts.
	JWTFile      string `yaml:"jwtFile"`
	RoleID       string `yaml:"roleId"`       // for approle
	SecretIDFile string `yaml:"secretIdFile"` // for approle
	TokenFile    string `yaml:"tokenFile"`    // for tokenFile; somebody else keeps it fresh
}

// serviceAccountToken is where Kubernetes mounts it.
const serviceAccountToken = "/var/run/secrets/kubernetes.io/serviceaccount/token"

func (s *SecretStore) fill() {
	s.Driver = orDefault(s.Driver, SecretsInDatabase)
	s.AWS.NamePrefix = orDefault(s.AWS.NamePrefix, "managedcas/")
	v := &s.Vault
	v.Mount = orDefault(v.Mount, "secret")
	v.PathPrefix = orDefault(v.PathPrefix, "managedcas")
	v.Auth = orDefault(v.Auth, secretstore.VaultKubernetes)
	v.AuthMount = orDefault(v.AuthMount, v.Auth)
	v.CASRole = orDefault(v.CASRole, v.Role)
	v.JWTFile = orDefault(v.JWTFile, serviceAccountToken)
}

func (s SecretStore) check() error {
	drivers := []string{SecretsInDatabase, SecretsInVault, SecretsInAWS}
	if !slices.Contains(drivers, s.Driver) {
		return fmt.Errorf("secretStore.driver is %q: %s, %s or %s", s.Driver, drivers[0], drivers[1], drivers[2])
	}
	return nil
}

// secretsManager is what policies have to know of the store.
func (s SecretStore) secretsManager() tenancy.SecretsManager {
	if s.Driver != SecretsInAWS {
		return tenancy.SecretsManager{}
	}
	return tenancy.SecretsManager{Prefix: s.AWS.NamePrefix, KMSKeyARN: s.AWS.KMSKeyARN}
}

// For returns the configuration of Vault for a process: the backend's with its Role, or
// cas's with its CASRole.
func (v Vault) For(role string) secretstore.VaultConfig {
	login := secretstore.VaultLogin{Method: v.Auth, Mount: v.AuthMount}
	switch v.Auth {
	case secretstore.VaultKubernetes:
		login.Role, login.File = role, v.JWTFile
	case secretstore.VaultAppRole:
		login.Role, login.File = v.RoleID, v.SecretIDFile
	case secretstore.VaultTokenFile:
		login.File = v.TokenFile
	}
	return secretstore.VaultConfig{
		Address: v.Address, Namespace: v.Namespace, CAFile: v.CAFile,
		Mount: v.Mount, PathPrefix: v.PathPrefix, Login: login,
	}
}
