package kmsapi

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	"github.com/google/uuid"
)

// A ciphertext is
//
//	version (1 byte) | key id (16) | salt (32) | nonce (12) | sealed plaintext
//
// sealed with AES-256-GCM under a key that is derived from the material and the
// salt by HKDF-SHA256 (RFC 5869), so that no number of messages wears the material
// out. All that precedes the nonce, and the encryption context, is authenticated.
const (
	formatVersion = 1
	saltSize      = 32
	headerSize    = 1 + len(uuid.UUID{}) + saltSize
	derivation    = "embedded kms, ciphertext version 1"
)

var errCiphertext = errors.New("not a ciphertext of this key and encryption context")

// seal encrypts plaintext under the material of the key keyID.
func seal(material []byte, keyID string, plaintext []byte, context map[string]string) ([]byte, error) {
	id, err := uuid.Parse(keyID)
	if err != nil {
		return nil, err
	}
	header := make([]byte, headerSize)
	header[0] = formatVersion
	copy(header[1:], id[:])
	salt := header[headerSize-saltSize:]
	if _, err := rand.Read(salt); err != nil {
		return nil, err
	}
	aead, err := derive(material, salt)
	if err != nil {
		return nil, err
	}
	return append(header, aead.Seal(nil, nil, plaintext, additional(header, context))...), nil
}

// open decrypts what seal made of the same material and context.
func open(material, ciphertext []byte, context map[string]string) ([]byte, error) {
	if len(ciphertext) < headerSize {
		return nil, errCiphertext
	}
	header, sealed := ciphertext[:headerSize], ciphertext[headerSize:]
	aead, err := derive(material, header[headerSize-saltSize:])
	if err != nil {
		return nil, err
	}
	plaintext, err := aead.Open(nil, nil, sealed, additional(header, context))
	if err != nil {
		return nil, errCiphertext
	}
	return plaintext, nil
}

// keyOf returns the id of the key that made ciphertext. It is not authenticated
// before open.
func keyOf(ciphertext []byte) (string, error) {
	if len(ciphertext) < headerSize || ciphertext[0] != formatVersion {
		return "", errCiphertext
	}
	id, err := uuid.FromBytes(ciphertext[1 : headerSize-saltSize])
	if err != nil {
		return "", errCiphertext
	}
	return id.String(), nil
}

func derive(material, salt []byte) (cipher.AEAD, error) {
	k, err := hkdf.Key(sha256.New, material, salt, derivation, materialSize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// additional encodes the header and the encryption context, sorted and with
// lengths, so that different contexts never have the same encoding.
func additional(header []byte, context map[string]string) []byte {
	out := slices.Clone(header)
	for _, k := range slices.Sorted(maps.Keys(context)) {
		for _, text := range []string{k, context[k]} {
			out = binary.BigEndian.AppendUint32(out, uint32(len(text)))
			out = append(out, text...)
		}
	}
	return out
}
