package rig

import "time"

// LongReuse is for Options.Reuse: as long as no test runs.
const LongReuse = 15 * time.Minute
