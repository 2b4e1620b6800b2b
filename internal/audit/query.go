package audit

import "time"

// Query says which records of a chain are wanted. What is empty matches all.
type Query struct {
	Newest bool // the latest first
	Limit  int  // the most that are returned; 0: all

	ActionPrefix string // "artifact." or "artifact.upload"
	Subject      string // all of it, or the name before the slash
	Outcome      Outcome
	Since, Until time.Time // until is not included
}

// Untold is a chain that has records behind the last that somebody was told of.
type Untold struct {
	Chain      Chain
	Told, Last int64
}
