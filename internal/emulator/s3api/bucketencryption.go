package s3api

import (
	"context"
	"encoding/xml"
	"errors"
	"slices"

	"net/http"

	"github.com/managedcas/managedcas/internal/emulator/s3state"
)

// The algorithms of server-side encryption. "aws:kms:dsse" is not here.
const (
	sseS3  = "AES256"
	sseKMS = "aws:kms"
)

type encryptionConfiguration struct {
	XMLName xml.Name         `xml:"ServerSideEncryptionConfiguration"`
	Rules   []encryptionRule `xml:"Rule"`
	Unknown unknown          `xml:",any"`
}

type encryptionRule struct {
	Default   *encryptionDefault `xml:"ApplyServerSideEncryptionByDefault"`
	BucketKey bool               `xml:"BucketKeyEnabled"`
	Blocked   *encryptionTypes   `xml:"BlockedEncryptionTypes"`
	Unknown   unknown            `xml:",any"`
}

type encryptionDefault struct {
	Algorithm string `xml:"SSEAlgorithm"`
	KeyID     string `xml:"KMSMasterKeyID,omitempty"`
}

type encryptionTypes struct {
	Types []string `xml:"EncryptionType"`
}

// parse checks a configuration and returns it as it is stored.
func (in encryptionConfiguration) parse() (s3state.Encryption, error) {
	var out s3state.Encryption
	if len(in.Rules) != 1 {
		return out, malformedXML(errors.New("there must be one Rule"))
	}
	rule := in.Rules[0]
	if err := slices.Concat(in.Unknown, rule.Unknown).refuse("PutBucketEncryption"); err != nil {
		return out, err
	}
	out = s3state.Encryption{Algorithm: sseS3, BucketKey: rule.BucketKey}
	if d := rule.Default; d != nil {
		out.Algorithm, out.KMSKeyARN = d.Algorithm, d.KeyID
	}
	if rule.Blocked != nil {
		for _, kind := range rule.Blocked.Types {
			switch kind {
			case "SSE-C":
				out.BlockedSSEC = true
			case "NONE":
			default:
				return out, malformedXML(errors.New("EncryptionType must be SSE-C or NONE"))
			}
		}
	}
	switch {
	case out.Algorithm == "aws:kms:dsse":
		return out, notImplemented("PutBucketEncryption with aws:kms:dsse")
	case out.Algorithm != sseS3 && out.Algorithm != sseKMS:
		return out, malformedXML(errors.New("SSEAlgorithm must be AES256 or aws:kms"))
	case out.Algorithm == sseS3 && out.KMSKeyARN != "":
		return out, invalidArgument("KMSMasterKeyID", out.KMSKeyARN, "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse")
	}
	return out, nil
}

func (s *Service) putBucketEncryption(ctx context.Context, c *call) error {
	if err := s.allow(ctx, c, "s3:PutEncryptionConfiguration"); err != nil {
		return err
	}
	var in encryptionConfiguration
	if err := c.decode("ServerSideEncryptionConfiguration", &in); err != nil {
		return err
	}
	encryption, err := in.parse()
	if err != nil {
		return err
	}
	return s.set(c, func(b *s3state.Bucket) { b.Encryption = encryption })
}

func (s *Service) getBucketEncryption(ctx context.Context, c *call) error {
	if err := s.allow(ctx, c, "s3:GetEncryptionConfiguration"); err != nil {
		return err
	}
	stored := c.target.bucket.Encryption
	rule := encryptionRule{
		Default:   &encryptionDefault{Algorithm: stored.Algorithm, KeyID: stored.KMSKeyARN},
		BucketKey: stored.BucketKey,
	}
	if stored.BlockedSSEC {
		rule.Blocked = &encryptionTypes{[]string{"SSE-C"}}
	}
	return writeXML(c.w, http.StatusOK, encryptionConfiguration{Rules: []encryptionRule{rule}})
}

// deleteBucketEncryption leaves the bucket with S3's own default: there are no
// unencrypted buckets.
func (s *Service) deleteBucketEncryption(ctx context.Context, c *call) error {
	if err := s.allow(ctx, c, "s3:PutEncryptionConfiguration"); err != nil {
		return err
	}
	return s.reset(c, func(b *s3state.Bucket) { b.Encryption = s3state.Encryption{Algorithm: sseS3} })
}
