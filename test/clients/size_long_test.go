//go:build long

package clients

// bigObject is the size in bytes of the object that must go in parts: past what 31 bits
// count.
const bigObject = 2<<30 + 12345
