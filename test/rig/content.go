package rig

import (
	"math/rand/v2"

	"github.com/managedcas/managedcas/internal/digest"
)

// Content is an artifact that no other call returns, with its digest.
func Content(size int) ([]byte, digest.Digest) {
	content := make([]byte, size)
	seed := [32]byte{}
	for i := range seed {
		seed[i] = byte(rand.Uint32())
	}
	_, _ = rand.NewChaCha8(seed).Read(content) // never fails
	return content, digest.Of(content)
}
