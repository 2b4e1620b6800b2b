//go:build long

package diagnosis

const every = 1
