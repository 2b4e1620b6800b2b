package s3api

import (
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"github.com/minio/crc64nvme"
	"pgregory.net/rapid"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// Rows follow RFC 9110 §14.1.2 and §14.2; what S3 does with a bad range is M in
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html.
func TestRanges(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		text           string
		size           int64
		offset, length int64
		partial        bool
		status         int
	}{
		{"", 10, 0, 10, false, 0},
		{"bytes=0-0", 10, 0, 1, true, 0},
		{"bytes=0-9", 10, 0, 10, true, 0},
		{"bytes=2-5", 10, 2, 4, true, 0},
		{"bytes=9-", 10, 9, 1, true, 0},
		{"bytes=2-100", 10, 2, 8, true, 0},
		{"bytes=0-99999999999999999999999", 10, 0, 10, true, 0},
		{"bytes=-3", 10, 7, 3, true, 0},
		{"bytes=-30", 10, 0, 10, true, 0},
		{"bytes= 1-2", 10, 1, 2, true, 0},
		{"bytes=10-", 10, 0, 0, false, 416},
		{"bytes=99999999999999999999999-", 10, 0, 0, false, 416},
		{"bytes=-0", 10, 0, 0, false, 416},
		{"bytes=0-", 0, 0, 0, false, 416},
		{"bytes=-1", 0, 0, 0, false, 416},
		{"bytes=5-2", 10, 0, 10, false, 0},
		{"bytes=0-1,3-4", 10, 0, 10, false, 0},
		{"bytes=a-b", 10, 0, 10, false, 0},
		{"bytes=-", 10, 0, 10, false, 0},
		{"bytes=--1", 10, 0, 10, false, 0},
		{"bytes=+1-2", 10, 0, 10, false, 0},
		{"items=0-1", 10, 0, 10, false, 0},
	} {
		got, err := parseRange(tc.text, tc.size)
		if tc.status != 0 {
			if e, ok := errors.AsType[*api.Error](err); !ok || e.Status != tc.status {
				t.Errorf("%s of %d: %+v, %v", tc.text, tc.size, got, err)
			}
			continue
		}
		if err != nil || got != (byteRange{tc.offset, tc.length, tc.partial}) {
			t.Errorf("%s of %d: %+v, %v", tc.text, tc.size, got, err)
		}
	}
}

// FuzzRange: a range never reaches outside the content.
func FuzzRange(f *testing.F) {
	for _, text := range []string{"", "bytes=0-0", "bytes=-5", "bytes=5-", "bytes=1-2,3-4", "bytes=9223372036854775807-", "bytes=-9223372036854775808"} {
		f.Add(text, int64(10))
		f.Add(text, int64(0))
	}
	f.Fuzz(func(t *testing.T, text string, size int64) {
		if size < 0 {
			return
		}
		got, err := parseRange(text, size)
		if err != nil {
			return
		}
		if got.offset < 0 || got.length < 0 || got.offset+got.length > size || got.partial && got.length == 0 {
			t.Fatalf("%q of %d: %+v", text, size, got)
		}
		if !got.partial && got != (byteRange{length: size}) {
			t.Fatalf("%q of %d: %+v is not the whole", text, size, got)
		}
	})
}

// The CRC of a whole, computed from those of its parts, is the CRC of the whole.
func TestCombinedCRC(t *testing.T) {
	t.Parallel()
	content := make([]byte, 4096)
	_, _ = rand.NewChaCha8([32]byte{2}).Read(content)
	castagnoli := crc32.MakeTable(crc32.Castagnoli)
	whole := map[string]func([]byte) uint64{
		"CRC32":     func(b []byte) uint64 { return uint64(crc32.ChecksumIEEE(b)) },
		"CRC32C":    func(b []byte) uint64 { return uint64(crc32.Checksum(b, castagnoli)) },
		"CRC64NVME": crc64nvme.Checksum,
	}
	rapid.Check(t, func(t *rapid.T) {
		end := rapid.IntRange(0, len(content)).Draw(t, "end")
		cut := rapid.IntRange(0, end).Draw(t, "cut")
		for name, sum := range whole {
			got := polynomials[name].combine(sum(content[:cut]), sum(content[cut:end]), int64(end-cut))
			if want := sum(content[:end]); got != want {
				t.Fatalf("%s of %d+%d: %x, want %x", name, cut, end-cut, got, want)
			}
		}
	})
}
