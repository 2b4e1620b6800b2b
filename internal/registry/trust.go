package registry

import (
	"crypto/sha256"
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
	Lifetime time.Duration
	// Reusable lets a provider's token be exchanged again until it ends.
	Reusable  bool
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
// any text without a colon, which is what divides subjects, and ** any text. Whoever trusts
// chooses the one, and whose pipeline it is the other: it takes at most as many steps as the
// product of their lengths.
func Matches(pattern, subject string) bool {
	// ends[n]: what was read of the pattern matches the first n bytes of subject.
	ends := make([]bool, len(subject)+1)
	ends[0] = true
	for pattern != "" {
		one, all := strings.HasPrefix(pattern, "*"), strings.HasPrefix(pattern, "**")
		switch {
		case all:
			pattern = pattern[len("**"):]
		case one:
			pattern = pattern[len("*"):]
		default:
			for n := len(subject); n > 0; n-- {
				ends[n] = ends[n-1] && subject[n-1] == pattern[0]
			}
			ends[0], pattern = false, pattern[1:]
			continue
		}
		for n := range len(subject) {
			ends[n+1] = ends[n+1] || ends[n] && (all || subject[n] != ':')
		}
	}
	return ends[len(subject)]
}

// Exchange is that of a provider's token for one of ours.
type Exchange struct {
	Trust   Trust
	Subject string            // what the provider calls the pipeline
	Sum     [sha256.Size]byte // tells the provider's token from all others
	// ExpiresAt is the time from which on nobody accepts the provider's token.
	ExpiresAt time.Time
}

// Details are what is recorded of an exchange.
func (e Exchange) Details() map[string]string {
	return map[string]string{"name": e.Trust.Name, "pipeline": e.Subject}
}
