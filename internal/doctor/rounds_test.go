//go:build !long

package doctor

// rounds is how many random mistakes are made, each with a proof of isolation.
const rounds = 25
