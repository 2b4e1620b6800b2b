package signin

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// seal keeps what a browser carries for us from being read or changed. Its key follows from
// the client secret, which all replicas share.
type seal struct{ aead cipher.AEAD }

func newSeal(clientSecret string) (*seal, error) {
	key, err := hkdf.Key(sha256.New, []byte(clientSecret), nil, "managedcas sign-in", 32)
	if err != nil {
		return nil, fmt.Errorf("derive the key of sign-in: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("derive the key of sign-in: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("derive the key of sign-in: %w", err)
	}
	return &seal{aead}, nil
}

var errSeal = errors.New("nothing that was sealed here, or its time is over")

type sealed struct {
	ExpiresAt int64 `json:"exp"`
	Value     any   `json:"v"`
}

// close seals value for a purpose, until a time.
func (s *seal) close(purpose string, value any, expires time.Time) (string, error) {
	text, err := json.Marshal(sealed{expires.Unix(), value})
	if err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	nonce := make([]byte, s.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nonce, nonce, text, []byte(purpose))), nil
}

// open reads into value what was sealed for the same purpose.
func (s *seal) open(purpose, text string, value any) error {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) < s.aead.NonceSize() {
		return errSeal
	}
	n := s.aead.NonceSize()
	plain, err := s.aead.Open(nil, raw[:n], raw[n:], []byte(purpose))
	if err != nil {
		return errSeal
	}
	content := sealed{Value: value}
	if err := json.Unmarshal(plain, &content); err != nil || !time.Now().Before(time.Unix(content.ExpiresAt, 0)) {
		return errSeal
	}
	return nil
}
