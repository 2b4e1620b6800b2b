package registry

import (
	"time"

	"github.com/managedcas/managedcas/internal/org"
)

// Seen is what of an organization a listing shows as well, at the time when a deep look
// last found everything right. It is comparable: what is equal has not changed.
type Seen struct {
	PolicyID      string // of the session policy
	PolicyVersion string // its default version
	PolicyUpdated int64  // Unix seconds
	Alias         string // of the access point
	// Scheme stands for what was wanted: the documents of the program's version, the
	// configuration and the base role.
	Scheme string
}

// Cycle is what one cycle of the reconciler leaves to the next, in whichever process.
type Cycle struct {
	// After is the organization where the rotation of deep looks stopped.
	After org.ID
	// Organizations is how many there were, deleted ones included.
	Organizations int
	// BaseRoleID is the unique id of the base role. Processes that know another one ask
	// again.
	BaseRoleID string
}

// Orphan is something in AWS that has the name of an organization which nobody knows.
type Orphan struct {
	Kind      string    `json:"kind"` // access_point, session_policy
	Name      string    `json:"name"`
	FirstSeen time.Time `json:"firstSeen"`
}

// The kinds of orphans.
const (
	OrphanAccessPoint   = "access_point"
	OrphanSessionPolicy = "session_policy"
)
