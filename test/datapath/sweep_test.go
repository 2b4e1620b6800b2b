//go:build !long

package datapath

// everything has each case of a sweep run over both protocols.
const everything = false
