//go:build !long

package durability

const rounds = 4
