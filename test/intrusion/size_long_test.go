//go:build long

package intrusion

import "time"

// The size of the crowd that an installation has to bear.
const (
	crowdOrganizations = 200
	crowdTokens        = 50
	crowdTime          = 60 * time.Second
)

// oddKinds: a field is given a value of every kind that it is not made for.
const oddKinds = 1
