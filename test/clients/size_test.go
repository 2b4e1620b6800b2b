//go:build !long

package clients

// bigObject is the size in bytes of the object that must go in parts.
const bigObject = 100 << 20
