package registry

import (
	"crypto/sha256"
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
// any text without a colon, which is what divides subjects, and ** any text. It takes time
// in proportion to the length of both, whatever they are: a pipeline chooses its subject, as
// the name of a branch, and somebody else the pattern.
func Matches(pattern, subject string) bool {
	// reached[i] says that the pattern so far is as the first i bytes of subject are.
	reached := make([]bool, len(subject)+1)
	reached[0] = true
	for pattern != "" {
		switch rest, wild := strings.CutPrefix(pattern, "*"); {
		case strings.HasPrefix(pattern, "**"):
			pattern = pattern[2:]
			for i := 1; i < len(reached); i++ {
				reached[i] = reached[i] || reached[i-1]
			}
		case wild:
			pattern = rest
			for i := 1; i < len(reached); i++ {
				reached[i] = reached[i] || reached[i-1] && subject[i-1] != ':'
			}
		default:
			for i := len(subject); i > 0; i-- {
				reached[i] = reached[i-1] && subject[i-1] == pattern[0]
			}
			reached[0] = false
			pattern = pattern[1:]
		}
	}
	return reached[len(subject)]
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
