package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/doctor"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/secretstore"
	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// stores are what a doctor examines of the database and the secret store. A database is
// opened, which migrates it, only if there is nothing to migrate.
type stores struct {
	cfg   service.Config
	in    tenancy.Installation
	aws   *awscloud.Cloud
	as    doctor.Workload
	write bool // the canary may write

	once sync.Once
	db   *database.DB
	err  error
}

var _ doctor.Stores = (*stores)(nil)

// storeTimeout bounds each look: a database that drops packets says nothing for ever.
const storeTimeout = 15 * time.Second

// Schema implements doctor.Stores.
func (s *stores) Schema(ctx context.Context) (doctor.Schema, error) {
	target, err := s.cfg.Database.Target()
	if s.elsewhere() {
		return doctor.Schema{}, fmt.Errorf("%w: this configuration has no database that can be read here, and only workloads need one", doctor.ErrNotTried)
	}
	if err != nil {
		return doctor.Schema{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	there, known, err := database.Look(ctx, target)
	if err != nil {
		return doctor.Schema{}, err
	}
	found := doctor.Schema{There: there, Known: known}
	if info, err := os.Stat(target); err == nil && !strings.HasPrefix(target, "postgres") {
		found.Open = info.Mode().Perm()&0o077 != 0
	}
	return found, nil
}

// elsewhere reports whether the database is the pods' alone: an administrator's configuration
// needs none, and their urlFile is not mounted on an administrator's machine.
func (s *stores) elsewhere() bool {
	if s.as != doctor.Administrator {
		return false
	}
	if s.cfg.Database.URLFile == "" {
		return s.cfg.Database.URL == ""
	}
	_, err := os.Stat(s.cfg.Database.URLFile)
	return s.cfg.Database.URL == "" && errors.Is(err, fs.ErrNotExist)
}

// open opens the database once.
func (s *stores) open(ctx context.Context) (*database.DB, error) {
	s.once.Do(func() {
		schema, err := s.Schema(ctx)
		switch {
		case err != nil:
			s.err = err
		case schema.There != schema.Known:
			s.err = fmt.Errorf("%w: the schema of the database is to be migrated first, by the start of a role", doctor.ErrNotTried)
		default:
			s.db, s.err = openDatabase(ctx, s.cfg)
		}
	})
	return s.db, s.err
}

func (s *stores) close() error {
	if s.db == nil {
		return nil
	}
	return s.db.Close()
}

// secrets opens the secret store as the workload does.
func (s *stores) secrets(ctx context.Context) (*secretstore.Store, error) {
	var db *database.DB
	if s.cfg.SecretStore.Driver == service.SecretsInDatabase {
		var err error
		if db, err = s.open(ctx); err != nil {
			return nil, err
		}
	}
	role := s.cfg.SecretStore.Vault.CASRole
	if s.as == doctor.Backend {
		role = s.cfg.SecretStore.Vault.Role
	}
	return newSecretStore(s.cfg.SecretStore, role, s.in, db, s.aws)
}

// TrySecrets implements doctor.Stores.
func (s *stores) TrySecrets(ctx context.Context) (err error) {
	if s.as == doctor.Administrator {
		return fmt.Errorf("%w: only a workload can", doctor.ErrNotTried)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*storeTimeout)
	defer cancel()
	store, err := s.secrets(ctx)
	if err != nil {
		if s.cfg.SecretStore.Driver == service.SecretsInDatabase && !errors.Is(err, doctor.ErrNotTried) {
			return fmt.Errorf("%w: the database does not answer", doctor.ErrNotTried)
		}
		return err
	}
	tenant := s.in.Tenant(org.NewCanaryID(time.Now()))
	// The database keeps coordinates of organizations that it knows alone.
	if s.as != doctor.Backend || !s.write || s.cfg.SecretStore.Driver == service.SecretsInDatabase {
		_, err := store.Coordinates(ctx, tenant.ID())
		if errors.Is(err, registry.ErrNotFound) {
			return nil
		}
		return err
	}
	defer func() { // also when the doctor is interrupted
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
		defer cancel()
		err = errors.Join(err, store.DeleteCoordinates(ctx, tenant.ID()))
	}()
	if err := store.PutCoordinates(ctx, tenant.ID(), tenant.Coordinates()); err != nil {
		return err
	}
	stored, err := store.Coordinates(ctx, tenant.ID())
	if err == nil && stored != tenant.Coordinates() {
		err = session.ErrCoordinates
	}
	return err
}

// SigningKeys implements doctor.Stores. Only the control plane needs them.
func (s *stores) SigningKeys(ctx context.Context) (n int, err error) {
	db, err := s.open(ctx)
	if err != nil {
		return 0, err
	}
	for _, use := range []registry.KeyUse{registry.KeyUseAPI, registry.KeyUseCAS} {
		keys, err := db.SigningKeys(ctx, use)
		if err != nil {
			return 0, err
		}
		n += len(keys)
	}
	return n, nil
}
