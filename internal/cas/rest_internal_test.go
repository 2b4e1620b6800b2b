package cas

import "testing"

// Every announced length up to the largest object of S3 fits in the parts, wherever the
// upload was interrupted; none is smaller or larger than S3 allows, and the last number
// is not passed.
func TestPartsUpToTheLargestObject(t *testing.T) {
	t.Parallel()
	for _, length := range []int64{1, minPartSize, minPartSize + 1, 195 * gibibyte, 5_000 * gibibyte, maxObject - 1, maxObject} {
		sizes := partSizes{first: minPartSize, length: length}
		offset, number := int64(0), 1
		for ; offset < length; number++ {
			size := min(sizes.at(number, offset), length-offset)
			if size > maxPartSize || size < minPartSize && offset+size < length {
				t.Fatalf("%d bytes: part %d has %d", length, number, size)
			}
			offset += size
		}
		if number-1 > maxParts {
			t.Errorf("%d bytes: %d parts", length, number-1)
		}
	}
}

// Pieces of any length are cut into parts that are not too small, as long as they are not
// too small themselves.
func TestWithin(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{minPartSize, 2*minPartSize - 1, 4 * minPartSize} {
		for left := int64(minPartSize); left < 13*minPartSize; left += mebibyte/2 + 1 {
			total := int64(0)
			for total < left {
				n := within(size, left-total)
				if n < minPartSize || n > max(size, 2*minPartSize-1) {
					t.Fatalf("size %d, %d left of %d: a part of %d", size, left-total, left, n)
				}
				total += n
			}
			if total != left {
				t.Errorf("size %d: %d of %d", size, total, left)
			}
		}
	}
}
