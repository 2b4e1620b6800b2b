package main

import (
	"testing"
	"testing/iotest"
)

// An artifact is its serial number and the noise, however it is read.
func TestContent(t *testing.T) {
	t.Parallel()
	for _, size := range []int{8, 9, 4096} {
		a := artifact{serial: 0x0102030405060708, noise: make([]byte, size-8)}
		want := append([]byte{1, 2, 3, 4, 5, 6, 7, 8}, a.noise...)
		if err := iotest.TestReader(a.content(), want); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}
