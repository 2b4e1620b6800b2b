package service

import (
	"fmt"
	"time"

	"github.com/managedcas/managedcas/internal/reconcile"
)

// MaxRetention keeps a retention from being a typing mistake: ten years.
const MaxRetention = 10 * 365 * 24 * time.Hour

// Purge configures the deletion of objects (docs/deletion.md).
type Purge struct {
	// Enabled lets the backend delete the objects of organizations whose retention is
	// over, with a role of its own. Default false: the operator does.
	Enabled bool `yaml:"enabled"`
	// RoleName is that role; default: baseRoleName followed by "-purge".
	RoleName string `yaml:"roleName"`
}

// completeDeletion fills in defaults. Its error begins with the key.
func (m *ManagedCas) completeDeletion() error {
	if m.Retention == nil {
		m.Retention = new(reconcile.DefaultRetention)
	}
	switch r := *m.Retention; {
	case r < 0 || r > MaxRetention:
		return fmt.Errorf("retention is %s: 0s to %s", r, MaxRetention)
	case m.Purge.RoleName != "" && !m.Purge.Enabled:
		return fmt.Errorf("purge.roleName is %q, and purge.enabled is false: set it to true, or leave the name out", m.Purge.RoleName)
	}
	return nil
}

// purgeRole is empty when the backend does not purge.
func (m *ManagedCas) purgeRole() string {
	if !m.Purge.Enabled {
		return ""
	}
	return orDefault(m.Purge.RoleName, m.BaseRoleName+"-purge")
}
