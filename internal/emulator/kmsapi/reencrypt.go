package kmsapi

import (
	"context"
	"crypto/rand"
	"strconv"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

type reEncryptInput struct {
	CiphertextBlob                 []byte
	SourceKeyID                    string `json:"SourceKeyId"`
	SourceEncryptionContext        map[string]string
	SourceEncryptionAlgorithm      string
	DestinationKeyID               string `json:"DestinationKeyId"`
	DestinationEncryptionContext   map[string]string
	DestinationEncryptionAlgorithm string
}

type reEncryptOutput struct {
	CiphertextBlob                 []byte
	SourceKeyID                    string `json:"SourceKeyId"`
	SourceEncryptionAlgorithm      string
	KeyID                          string `json:"KeyId"`
	DestinationEncryptionAlgorithm string
}

// reEncrypt takes two permissions, each with the encryption context of its side: to read
// under the one key and to write under the other
// (https://docs.aws.amazon.com/kms/latest/APIReference/API_ReEncrypt.html).
func (s *Service) reEncrypt(ctx context.Context, caller *api.Caller, in reEncryptInput) (out reEncryptOutput, err error) {
	for _, algorithm := range []string{in.SourceEncryptionAlgorithm, in.DestinationEncryptionAlgorithm} {
		if err := checkAlgorithm(algorithm); err != nil {
			return out, err
		}
	}
	if len(in.CiphertextBlob) == 0 || len(in.CiphertextBlob) > maxCiphertext {
		return out, invalid("CiphertextBlob must have 1 to %d bytes", maxCiphertext)
	}
	to, err := s.load(in.DestinationKeyID)
	if err != nil {
		return out, err
	}
	source, err := keyOf(in.CiphertextBlob)
	same := strconv.FormatBool(err == nil && source == to.ID)
	from, plaintext, err := s.opened(ctx, caller, in.CiphertextBlob, in.SourceKeyID,
		use{action: "kms:ReEncryptFrom", context: in.SourceEncryptionContext, sameKey: same})
	if err != nil {
		return out, err
	}
	_, ciphertext, err := s.sealNew(ctx, caller, in.DestinationKeyID, plaintext,
		use{action: "kms:ReEncryptTo", context: in.DestinationEncryptionContext, sameKey: same})
	if err != nil {
		return out, err
	}
	return reEncryptOutput{ciphertext, s.keyARN(from.ID), symmetric, s.keyARN(to.ID), symmetric}, nil
}

type randomInput struct{ NumberOfBytes *int }

type randomOutput struct{ Plaintext []byte }

func (s *Service) generateRandom(ctx context.Context, caller *api.Caller, in randomInput) (randomOutput, error) {
	if in.NumberOfBytes == nil || *in.NumberOfBytes < 1 || *in.NumberOfBytes > maxDataKey {
		return randomOutput{}, invalid("NumberOfBytes must be from 1 to %d", maxDataKey)
	}
	if err := s.authorize(ctx, caller, s.plainCheck("kms:GenerateRandom", "*", caller)); err != nil {
		return randomOutput{}, err
	}
	out := randomOutput{make([]byte, *in.NumberOfBytes)}
	_, err := rand.Read(out.Plaintext)
	return out, err
}
