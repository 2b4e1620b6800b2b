//go:build !long

package intrusion

import "time"

// The size of the crowd in make test: seconds under the race detector.
const (
	crowdOrganizations = 20
	crowdTokens        = 5
	crowdTime          = 4 * time.Second
)
