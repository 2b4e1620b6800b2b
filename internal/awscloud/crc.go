package awscloud

import (
	"encoding/base64"
	"encoding/binary"
)

// nvmePolynomial is that of CRC64NVME, bits reflected (NVM Express, "NVM Command Set
// Specification" 1.0, §5.2.1.3.4).
const nvmePolynomial = 0x9a6c9329ac4bc9b5

// joinCRC returns the CRC64NVME of a and b together, from that of a, that of b, and the
// length of b: so no byte has to be read twice for the checksum of the whole.
//
// A CRC is the remainder of a polynomial, and following a by n bytes multiplies it by
// x^8n. The power is made by squaring, as zlib's crc32_combine does.
func joinCRC(a, b uint64, length int64) uint64 {
	power := uint64(1) << (63 - 8) // x^8: reflected, the highest bit is x^0
	for n := length; n > 0; n >>= 1 {
		if n&1 == 1 {
			a = multiply(a, power)
		}
		power = multiply(power, power)
	}
	return a ^ b
}

// multiply returns a times b modulo the polynomial.
func multiply(a, b uint64) (product uint64) {
	for ; a != 0; a <<= 1 {
		if a>>63 == 1 {
			product ^= b
		}
		carry := b & 1
		b >>= 1
		b ^= nvmePolynomial * carry
	}
	return product
}

// encodeCRC is the value of x-amz-checksum-crc64nvme.
func encodeCRC(sum uint64) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, sum))
}
