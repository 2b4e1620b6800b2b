//go:build !long

package datapath

import "time"

// everything has each case of a sweep run over both protocols.
const everything = false

// loadTime is how long the mixed load goes on.
const loadTime = 5 * time.Second
