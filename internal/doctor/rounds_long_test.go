//go:build long

package doctor

const rounds = 400
