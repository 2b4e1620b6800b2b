package awscloud

import (
	"testing"

	"github.com/minio/crc64nvme"
	"pgregory.net/rapid"
)

// The checksum of the whole follows from those of its pieces, wherever it was cut.
func TestJoinCRC(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		whole := rapid.SliceOfN(rapid.Byte(), 0, 4096).Draw(t, "content")
		cut := rapid.IntRange(0, len(whole)).Draw(t, "cut")
		sum := func(b []byte) uint64 { return crc64nvme.Checksum(b) }
		if got, want := joinCRC(sum(whole[:cut]), sum(whole[cut:]), int64(len(whole)-cut)), sum(whole); got != want {
			t.Fatalf("%d and %d bytes: %016x, want %016x", cut, len(whole)-cut, got, want)
		}
	})
	// CRC-64/NVME of "123456789" (reveng's catalogue of CRC algorithms).
	if got := joinCRC(crc64nvme.Checksum([]byte("1234")), crc64nvme.Checksum([]byte("56789")), 5); got != 0xae8b14860a799888 {
		t.Errorf("%016x", got)
	}
}
