package main

import (
	"fmt"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/secretstore"
	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// newSecretStore opens the store of coordinates that the configuration chooses.
// vaultRole is whom the process logs in to Vault as, with kubernetes.
func newSecretStore(cfg service.SecretStore, vaultRole string, in tenancy.Installation, db *database.DB, aws *awscloud.Cloud) (*secretstore.Store, error) {
	var store *secretstore.Store
	var err error
	switch cfg.Driver {
	case service.SecretsInVault:
		store, err = secretstore.NewVault(cfg.Vault.For(vaultRole))
	case service.SecretsInAWS:
		store, err = secretstore.NewSecretsManager(aws, in)
	default:
		return secretstore.NewDatabase(db), nil
	}
	if err != nil {
		return nil, fmt.Errorf("secretStore: %w", err)
	}
	return store, nil
}
