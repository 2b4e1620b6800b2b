package registry

import (
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/org"
)

// MaxTrusts bounds the trusts of an organization: all are looked at when a pipeline comes.
const MaxTrusts = 50

// Trust says which pipelines of a CI provider may act for an organization.
type Trust struct {
	ID       uuid.UUID
	Org      org.ID
	Name     string
	Issuer   string
	Audience string
	Subjects []string // patterns, of which one must match
	Claims   map[string]string
	// Lifetime of the tokens that pipelines get.
	Lifetime  time.Duration
	Enabled   bool
	CreatedAt time.Time
	CreatedBy string // a subject, for people and for audit
}

// ErrPattern is what every failure of CheckPattern wraps.
var ErrPattern = errors.New("not a pattern of subjects")

// CheckPattern refuses patterns that say too little. A subject begins with whose pipeline it
// is, as in repo:acme/app:… or project_path:acme/app:…: before the first slash, a wildcard
// would let in the repositories of anybody.
func CheckPattern(pattern string) error {
	fixed, _, wild := strings.Cut(pattern, "*")
	switch {
	case pattern == "":
		return errors.Join(ErrPattern, errors.New("it is empty"))
	case wild && !strings.Contains(strings.TrimLeft(fixed, "/"), "/"):
		return errors.Join(ErrPattern, errors.New("it has a wildcard before the owner of the repository is said"))
	case strings.Contains(pattern, "***"):
		return errors.Join(ErrPattern, errors.New("it has three wildcards in a row"))
	}
	return nil
}

// Matches reports whether subject is as pattern says, from its beginning to its end: * is
// any text without a colon, which is what divides subjects, and ** any text.
func Matches(pattern, subject string) bool {
	fixed, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == subject
	}
	subject, ok := strings.CutPrefix(subject, fixed)
	if !ok {
		return false
	}
	rest, any := strings.CutPrefix(rest, "*")
	for i := 0; i <= len(subject); i++ {
		if Matches(rest, subject[i:]) {
			return true
		}
		if !any && i < len(subject) && subject[i] == ':' {
			return false
		}
	}
	return false
}
