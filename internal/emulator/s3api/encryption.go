package s3api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// sealing is how an object is encrypted, with its data key in encrypted form.
type sealing struct {
	Algorithm string
	KMSKeyARN string `json:",omitempty"`
	BucketKey bool   `json:",omitempty"`
	DataKey   []byte
}

const (
	headerSSE       = "X-Amz-Server-Side-Encryption"
	headerKeyID     = "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"
	headerBucketKey = "X-Amz-Server-Side-Encryption-Bucket-Key-Enabled"
	headerContext   = "X-Amz-Server-Side-Encryption-Context"
	headerSSEC      = "X-Amz-Server-Side-Encryption-Customer-Algorithm"
)

// chooseSealing returns what the request asks for, else the bucket's default.
func (c *call) chooseSealing() (sealing, error) {
	h, standard := c.r.Header, c.target.bucket.Encryption
	if h.Get(headerSSEC) != "" {
		if standard.BlockedSSEC {
			return sealing{}, accessDenied("Access Denied: the bucket blocks server-side encryption with customer-provided keys")
		}
		return sealing{}, notImplemented(c.op.name + " with SSE-C")
	}
	if h.Get(headerContext) != "" {
		return sealing{}, notImplemented(c.op.name + " with x-amz-server-side-encryption-context")
	}
	out := sealing{Algorithm: standard.Algorithm, KMSKeyARN: standard.KMSKeyARN, BucketKey: standard.BucketKey}
	algorithm, key := h.Get(headerSSE), h.Get(headerKeyID)
	switch algorithm {
	case "":
		if key != "" {
			return out, invalidArgument("x-amz-server-side-encryption", "", "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms")
		}
	case sseS3:
		if key != "" {
			return out, invalidArgument("x-amz-server-side-encryption", algorithm, "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms")
		}
		out = sealing{Algorithm: sseS3}
	case sseKMS:
		// Without a key it is the AWS managed one, even if the bucket's default has another
		// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html).
		out.Algorithm, out.KMSKeyARN = sseKMS, key
	case "aws:kms:dsse":
		return out, notImplemented(c.op.name + " with aws:kms:dsse")
	default:
		return out, &api.Error{Status: http.StatusBadRequest, Code: "InvalidEncryptionAlgorithmError",
			Message: "The encryption request that you specified is not valid. The valid value is AES256 or aws:kms."}
	}
	if out.Algorithm != sseKMS {
		out.BucketKey = false
		return out, nil
	}
	if v := h.Get(headerBucketKey); v != "" {
		enabled, err := strconv.ParseBool(v)
		if err != nil {
			return out, invalidArgument("x-amz-server-side-encryption-bucket-key-enabled", v, "the value must be true or false")
		}
		out.BucketKey = enabled
	}
	return out, nil
}

// newDataKey makes the data key of a new object or upload and returns it in the
// clear. With SSE-KMS it needs the caller's permission to use the key.
func (s *Service) newDataKey(ctx context.Context, c *call, key string, e *sealing) (plain []byte, err error) {
	if e.Algorithm != sseKMS {
		plain, e.DataKey = s.master.NewDataKey(c.target.objectARN(key))
		return plain, nil
	}
	if e.KMSKeyARN == "" {
		// https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#aws-managed-customer-managed-keys
		if e.KMSKeyARN, err = s.cfg.Keys.ManagedKey(ctx, "s3", s.via()); err != nil {
			return nil, err
		}
	}
	plain, e.DataKey, err = s.cfg.Keys.GenerateDataKey(ctx, c.req.Caller, e.KMSKeyARN, e.context(c.target, key), s.via())
	if err != nil {
		return nil, err
	}
	e.KMSKeyARN, err = s.cfg.Keys.KeyARN(e.KMSKeyARN)
	return plain, err
}

// dataKey returns the data key of an existing object or upload. With SSE-KMS it needs
// the caller's permission each time.
func (s *Service) dataKey(ctx context.Context, c *call, key string, e sealing) ([]byte, error) {
	if e.Algorithm != sseKMS {
		return s.master.Unwrap(e.DataKey, c.target.objectARN(key))
	}
	return s.cfg.Keys.Decrypt(ctx, c.req.Caller, e.DataKey, e.context(c.target, key), s.via())
}

// context is the encryption context: the object's ARN, or the bucket's with a Bucket
// Key, never the access point's (facts AWS §6.3).
func (e sealing) context(t target, key string) map[string]string {
	arn := t.objectARN(key)
	if e.BucketKey {
		arn = t.bucketARN()
	}
	return map[string]string{"aws:s3:arn": arn}
}

// via is this service as kms:ViaService names it.
func (s *Service) via() string { return "s3." + s.cfg.Region + ".amazonaws.com" }

func (e sealing) setHeaders(h http.Header) {
	h.Set(headerSSE, e.Algorithm)
	if e.Algorithm != sseKMS {
		return
	}
	h.Set(headerKeyID, e.KMSKeyARN)
	if e.BucketKey {
		h.Set(headerBucketKey, "true")
	}
}
