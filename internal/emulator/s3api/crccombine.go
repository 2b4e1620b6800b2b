package s3api

import (
	"encoding/binary"
	"hash/crc32"
)

// polynomials are those of the CRC algorithms in reflected form; only their checksums
// can be combined to one of the full object.
var polynomials = map[string]crcField{
	"CRC32":     {crc32.IEEE, 32},
	"CRC32C":    {crc32.Castagnoli, 32},
	"CRC64NVME": {0x9a6c9329ac4bc9b5, 64},
}

// crcField is the arithmetic of polynomials over GF(2) modulo one, reflected: the
// highest bit stands for x⁰.
type crcField struct {
	polynomial uint64
	width      int
}

func (f crcField) one() uint64 { return 1 << (f.width - 1) }

func (f crcField) multiply(a, b uint64) uint64 {
	var product uint64
	for bit := f.one(); bit != 0; bit >>= 1 {
		if a&bit != 0 {
			product ^= b
		}
		// b times x
		if b&1 != 0 {
			b = b>>1 ^ f.polynomial
		} else {
			b >>= 1
		}
	}
	return product
}

// combine returns the CRC of a followed by b from the CRCs of both and b's length: a
// is multiplied by x to the number of b's bits.
func (f crcField) combine(a, b uint64, length int64) uint64 {
	factor, power := f.one(), f.one()>>8 // x⁰, x⁸
	for n := length; n > 0; n >>= 1 {
		if n&1 != 0 {
			factor = f.multiply(factor, power)
		}
		power = f.multiply(power, power)
	}
	return f.multiply(factor, a) ^ b
}

func (f crcField) read(sum []byte) uint64 {
	if f.width == 32 {
		return uint64(binary.BigEndian.Uint32(sum))
	}
	return binary.BigEndian.Uint64(sum)
}

func (f crcField) bytes(sum uint64) []byte {
	if f.width == 32 {
		return binary.BigEndian.AppendUint32(nil, uint32(sum))
	}
	return binary.BigEndian.AppendUint64(nil, sum)
}
