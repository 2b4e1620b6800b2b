package auth

import (
	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// Refused is the cause of refusals of a token that is ours, for audit: its signature was
// good, and it says whose it is.
type Refused struct {
	TokenID uuid.UUID
	Name    string
	Org     org.ID // zero: an instance token
	Why     string
}

func refused(record registry.Token, why string) *Refused {
	return &Refused{TokenID: record.ID, Name: record.Name, Org: record.Org, Why: why}
}

func (r *Refused) Error() string { return "token " + r.TokenID.String() + " " + r.Why }

// Subject names the token as Caller.Subject does.
func (r *Refused) Subject() string { return r.Name + "/" + r.TokenID.String() }
