package emulator

import (
	"github.com/managedcas/managedcas/internal/emulator/directory"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// DB returns the store, for tests that need more records than requests can make.
func (a *AWS) DB() *state.DB { return a.db }

// Directory returns the identities of the account.
func (a *AWS) Directory() *directory.Directory { return a.directory }
