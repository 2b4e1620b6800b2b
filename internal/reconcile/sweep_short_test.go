//go:build !long

package reconcile_test

// In the normal run a sweep takes one case of so many, in each operation others, on one
// account for each operation.
const sweepStride, sweepLanes = 67, 1
