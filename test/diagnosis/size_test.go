//go:build !long

package diagnosis

// every is how many of the rows have one that is tried: each needs some seconds of the aws CLI.
const every = 40
