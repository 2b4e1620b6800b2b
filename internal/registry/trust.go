package registry

import (
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/org"
)

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
	if _, path, url := strings.Cut(fixed, "://"); url {
		fixed = path // its slashes say nothing of an owner
	}
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
//
// It goes through the pattern once, with all that has matched so far, and never back: who
// trusts chooses the pattern, who comes the subject, and neither how long everybody waits.
func Matches(pattern, subject string) bool {
	ends := make([]bool, len(subject)+1) // where what has been read of the pattern may end
	ends[0] = true
	for pattern != "" {
		next := make([]bool, len(ends))
		if rest, wild := strings.CutPrefix(pattern, "*"); wild {
			rest, colons := strings.CutPrefix(rest, "*")
			inside := false
			for i, end := range ends {
				inside = inside && (colons || subject[i-1] != ':') || end
				next[i] = inside
			}
			ends, pattern = next, rest
			continue
		}
		fixed, _, _ := strings.Cut(pattern, "*")
		for i, end := range ends {
			if end && strings.HasPrefix(subject[i:], fixed) {
				next[i+len(fixed)] = true
			}
		}
		ends, pattern = next, pattern[len(fixed):]
	}
	return ends[len(subject)]
}
