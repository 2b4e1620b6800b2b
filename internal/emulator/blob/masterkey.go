package blob

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// MasterKey wraps the data keys of blobs that no key management service protects.
type MasterKey struct{ aead cipher.AEAD }

// OpenMasterKey reads the key in file, or makes one. The file is as secret as all
// that it protects; only its owner may read it.
func OpenMasterKey(file string) (*MasterKey, error) {
	key, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = newKeyFile(file)
	}
	if err != nil {
		return nil, fmt.Errorf("open the master key: %w", err)
	}
	if len(key) != KeySize {
		return nil, fmt.Errorf("open the master key: %s has %d bytes instead of %d: restore it from a backup, objects cannot be read without it", file, len(key), KeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &MasterKey{aead}, nil
}

// NewDataKey returns a random data key, in the clear and wrapped. Only with the same
// context can it be unwrapped.
func (m *MasterKey) NewDataKey(context string) (key, wrapped []byte) {
	key = make([]byte, KeySize)
	rand.Read(key) // never fails: https://pkg.go.dev/crypto/rand#Read
	return key, m.aead.Seal(nil, nil, key, []byte(context))
}

// Unwrap returns the data key in wrapped.
func (m *MasterKey) Unwrap(wrapped []byte, context string) ([]byte, error) {
	key, err := m.aead.Open(nil, nil, wrapped, []byte(context))
	if err != nil {
		return nil, fmt.Errorf("unwrap data key: %w", ErrCorrupt)
	}
	return key, nil
}

// newKeyFile makes a key and a file of it, whole or not at all.
func newKeyFile(file string) (key []byte, err error) {
	key = make([]byte, KeySize)
	rand.Read(key)
	temporary, err := os.CreateTemp(filepath.Dir(file), ".key-*") // mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(temporary.Name()) // gone already when all went well
	_, err = temporary.Write(key)
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return nil, err
	}
	if err := os.Rename(temporary.Name(), file); err != nil {
		return nil, err
	}
	return key, syncFolder(filepath.Dir(file))
}
