package cas

import "testing"

// Every length that a store takes fits in its parts, and they are as S3 allows them.
func TestW15_PartSizes(t *testing.T) {
	t.Parallel()
	const largest = minPartSize << growths
	for _, length := range []int64{minPartSize, 5 * gibibyte, 50 * gibibyte, largest*maxParts - 1, largest * maxParts} {
		size := partSizes{first: minPartSize, length: length}.of(1)
		if n := (length + size - 1) / size; n > maxParts || size < minPartSize || size > largest {
			t.Errorf("%d bytes: %d parts of %d", length, n, size)
		}
	}
	var total int64
	for number := 1; number <= maxParts; number++ {
		total += partSizes{first: minPartSize, length: UnknownLength}.of(number)
	}
	if total < 170*gibibyte {
		t.Errorf("an upload of unknown length takes %d GiB", total/gibibyte)
	}
}
