//go:build long

package reconcile_test

// The whole sweep, on so many accounts for each operation.
const sweepStride, sweepLanes = 1, 4
