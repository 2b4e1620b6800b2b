package auditlog

import (
	"sync"

	"github.com/managedcas/managedcas/internal/audit"
)

// shares keep one chain from taking all places: who sends much while the database is slow
// would have everybody's transfers refused. A chain may have as many places as are left
// free (the dynamic threshold of switches with shared memory; Choudhury and Hahne, 1998):
// the first one half of all, the next half of the rest.
type shares struct {
	most int

	mu   sync.Mutex
	used int
	held map[audit.Chain]int
}

func newShares(most int) *shares { return &shares{most: most, held: map[audit.Chain]int{}} }

// take reports whether the chain may have one more.
func (s *shares) take(chain audit.Chain) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[chain] >= s.most-s.used {
		return false
	}
	s.add(chain)
	return true
}

// force takes one for what has a place already.
func (s *shares) force(chain audit.Chain) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(chain)
}

func (s *shares) add(chain audit.Chain) {
	s.held[chain]++
	s.used++
}

// give gives one back.
func (s *shares) give(chain audit.Chain) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used--
	if s.held[chain]--; s.held[chain] == 0 {
		delete(s.held, chain)
	}
}
