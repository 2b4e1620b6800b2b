package kmsapi

import (
	"context"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// Limits in bytes (https://docs.aws.amazon.com/kms/latest/APIReference/API_Encrypt.html,
// …/API_Decrypt.html, …/API_GenerateDataKey.html).
const (
	maxPlaintext  = 4096
	maxCiphertext = 6144
	maxDataKey    = 1024
)

func checkAlgorithm(name string) error {
	if name != "" && name != symmetric {
		return api.NotImplemented("kms", "EncryptionAlgorithm="+name)
	}
	return nil
}

type encryptInput struct {
	KeyID               string `json:"KeyId"`
	Plaintext           []byte
	EncryptionContext   map[string]string
	EncryptionAlgorithm string
}

type encryptOutput struct {
	CiphertextBlob      []byte
	EncryptionAlgorithm string
	KeyID               string `json:"KeyId"`
}

func (s *Service) encrypt(ctx context.Context, caller *api.Caller, in encryptInput) (encryptOutput, error) {
	if err := checkAlgorithm(in.EncryptionAlgorithm); err != nil {
		return encryptOutput{}, err
	}
	if len(in.Plaintext) == 0 || len(in.Plaintext) > maxPlaintext {
		return encryptOutput{}, invalid("Plaintext must have 1 to %d bytes", maxPlaintext)
	}
	f, ciphertext, err := s.sealNew(ctx, caller, in.KeyID, in.Plaintext, use{action: "kms:Encrypt", context: in.EncryptionContext})
	if err != nil {
		return encryptOutput{}, err
	}
	return encryptOutput{ciphertext, symmetric, s.keyARN(f.ID)}, nil
}

type decryptInput struct {
	KeyID               string `json:"KeyId"`
	CiphertextBlob      []byte
	EncryptionContext   map[string]string
	EncryptionAlgorithm string
}

type decryptOutput struct {
	Plaintext           []byte
	EncryptionAlgorithm string
	KeyID               string `json:"KeyId"`
}

func (s *Service) decrypt(ctx context.Context, caller *api.Caller, in decryptInput) (decryptOutput, error) {
	if err := checkAlgorithm(in.EncryptionAlgorithm); err != nil {
		return decryptOutput{}, err
	}
	if len(in.CiphertextBlob) == 0 || len(in.CiphertextBlob) > maxCiphertext {
		return decryptOutput{}, invalid("CiphertextBlob must have 1 to %d bytes", maxCiphertext)
	}
	f, plaintext, err := s.opened(ctx, caller, in.CiphertextBlob, in.KeyID, use{action: "kms:Decrypt", context: in.EncryptionContext})
	if err != nil {
		return decryptOutput{}, err
	}
	return decryptOutput{plaintext, symmetric, s.keyARN(f.ID)}, nil
}

type dataKeyInput struct {
	KeyID             string `json:"KeyId"`
	KeySpec           string
	NumberOfBytes     *int
	EncryptionContext map[string]string
}

// size is the length of the data key asked for.
func (in dataKeyInput) size() (int, error) {
	switch {
	case (in.NumberOfBytes == nil) == (in.KeySpec == ""):
		return 0, invalid("give either KeySpec or NumberOfBytes")
	case in.NumberOfBytes != nil && (*in.NumberOfBytes < 1 || *in.NumberOfBytes > maxDataKey):
		return 0, invalid("NumberOfBytes must be from 1 to %d", maxDataKey)
	case in.NumberOfBytes != nil:
		return *in.NumberOfBytes, nil
	case in.KeySpec == "AES_256":
		return 32, nil
	case in.KeySpec == "AES_128":
		return 16, nil
	}
	return 0, invalid("KeySpec must be AES_256 or AES_128")
}

type dataKeyOutput struct {
	CiphertextBlob []byte
	Plaintext      []byte `json:",omitempty"`
	KeyID          string `json:"KeyId"`
}

func (s *Service) generateDataKey(ctx context.Context, caller *api.Caller, in dataKeyInput) (dataKeyOutput, error) {
	return s.dataKey(ctx, caller, "kms:GenerateDataKey", in)
}

func (s *Service) generateDataKeyWithoutPlaintext(ctx context.Context, caller *api.Caller, in dataKeyInput) (dataKeyOutput, error) {
	out, err := s.dataKey(ctx, caller, "kms:GenerateDataKeyWithoutPlaintext", in)
	out.Plaintext = nil
	return out, err
}

func (s *Service) dataKey(ctx context.Context, caller *api.Caller, action string, in dataKeyInput) (dataKeyOutput, error) {
	size, err := in.size()
	if err != nil {
		return dataKeyOutput{}, err
	}
	f, plaintext, ciphertext, err := s.newDataKey(ctx, caller, in.KeyID, size, use{action: action, context: in.EncryptionContext})
	if err != nil {
		return dataKeyOutput{}, err
	}
	return dataKeyOutput{ciphertext, plaintext, s.keyARN(f.ID)}, nil
}
