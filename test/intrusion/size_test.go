//go:build !long

package intrusion

import "time"

// The size of the crowd in make test: seconds under the race detector.
const (
	crowdOrganizations = 20
	crowdTokens        = 5
	crowdTime          = 4 * time.Second
)

// oddKinds: of the kinds that a field is not made for, it is given every fourth, and each
// field others. That it is given all of them takes minutes.
const oddKinds = 4
