package blob

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// A blob's file is a sequence of sealed segments and nothing else. Every segment but
// the last holds segmentSize bytes of plaintext; the last holds 0 to segmentSize, and
// is there even when the blob is empty.
const (
	segmentSize = 64 << 10
	tagSize     = 16
	sealedSize  = segmentSize + tagSize
)

// KeySize is the size of a data key in bytes: AES-256.
const KeySize = 32

// segments seals and opens the segments of one blob. Several blobs may share a data
// key (the parts of a multipart upload do), so each has a key of its own, derived
// with its ID: with it the segment's index is a nonce that never repeats, and the
// content of one file cannot pass for another's.
type segments struct{ aead cipher.AEAD }

func newSegments(dataKey []byte, id ID) (segments, error) {
	if len(dataKey) != KeySize {
		return segments{}, fmt.Errorf("data key of %d bytes: want %d", len(dataKey), KeySize)
	}
	key, err := hkdf.Key(sha256.New, dataKey, []byte(id), "managedcas blob segments v1", KeySize)
	if err != nil {
		return segments{}, fmt.Errorf("derive the key of blob %s: %w", id, err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return segments{}, err
	}
	aead, err := cipher.NewGCM(block)
	return segments{aead}, err
}

// seal appends the sealed form of plain to dst.
func (s segments) seal(dst, plain []byte, index uint64, last bool) []byte {
	nonce, data := position(index, last)
	return s.aead.Seal(dst, nonce[:], plain, data[:])
}

// open appends the plaintext of sealed to dst.
func (s segments) open(dst, sealed []byte, index uint64, last bool) ([]byte, error) {
	nonce, data := position(index, last)
	return s.aead.Open(dst, nonce[:], sealed, data[:])
}

// position encodes where a segment stands. That the last segment says so makes a
// file that was cut at a segment's end unreadable there.
func position(index uint64, last bool) (nonce [12]byte, data [9]byte) {
	binary.BigEndian.PutUint64(nonce[4:], index)
	binary.BigEndian.PutUint64(data[:8], index)
	if last {
		data[8] = 1
	}
	return nonce, data
}

// plainSize returns how much plaintext a file of size bytes holds, and in how many
// segments. It is negative for a size that no blob has.
func plainSize(size int64) (plain, count int64) {
	count = (size + sealedSize - 1) / sealedSize
	plain = size - count*tagSize
	if count == 0 || size-(count-1)*sealedSize < tagSize {
		return -1, 0
	}
	return plain, count
}
