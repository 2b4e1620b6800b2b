package secretstore

import (
	"net/http"
	"time"
)

// Limits of documents and answers, in bytes.
const (
	MaxDocument    = maxDocument
	MaxVaultAnswer = maxVaultAnswer
	MaxVaultToken  = maxVaultToken
	LoginPause     = loginPause
)

// WithTimeout returns the store with another patience.
func WithTimeout(s *Store, patience time.Duration) *Store { return &Store{s.driver, patience} }

// Over has a store over Vault use another network.
func Over(s *Store, network http.RoundTripper) *Store {
	s.driver.(*vault).http.Transport = network
	return s
}
