package awscloud

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/session"
)

// Objects reaches the objects behind one access point with one session's
// credentials. It implements cas.Objects.
type Objects struct {
	s3          *s3.Client
	accessPoint string // ARN; or the name of an organization's own bucket
	stall       Stall
	putter      func() (*putter, error)
}

var _ cas.Objects = (*Objects)(nil)

// contentType is that of every object, whatever the artifact's media type is: who reads
// the object past our servers, by a presigned URL, gets nothing that a browser would run.
const contentType = "application/octet-stream"

// Objects returns the objects behind the session's own access point. It makes no
// request, and shares connections with every other Objects of c. That of a session is made
// once: it costs more than signing a request does.
func (c *Cloud) Objects(s session.Session) *Objects {
	k := s.Credentials
	whose := sessionKey{bucketOf(s), k.AccessKeyID, k.SecretAccessKey, k.SessionToken}
	if known, ok := c.sessions.Get(whose); ok {
		return known
	}
	o := &Objects{
		s3: s3.NewFromConfig(c.base, s3Options, func(o *s3.Options) {
			o.Credentials = credentials.NewStaticCredentialsProvider(k.AccessKeyID, k.SecretAccessKey, k.SessionToken)
			o.EndpointResolverV2 = &sameEndpoint{rules: s3.NewDefaultEndpointResolverV2()}
			inBucket(o, s)
		}),
		accessPoint: whose.accessPoint,
		stall:       c.stall,
	}
	o.putter = sync.OnceValues(func() (*putter, error) { return newPutter(context.Background(), o) }) // no request, nothing to wait for
	c.sessions.Add(whose, o)
	return o
}

// sessionKey is all that tells the Objects of two sessions apart.
type sessionKey struct{ accessPoint, keyID, secret, token string }

// keptSessions is how many sessions have their Objects kept: of organizations that are
// busy at a time.
const keptSessions = 256

// Put implements cas.Objects. The digest travels three times in one header set: as
// the checksum that S3 compares, as the payload hash that the signature covers, and
// in the key; so no byte is hashed twice here.
func (o *Objects) Put(ctx context.Context, key string, d digest.Digest, size int64, body io.Reader, label cas.Label) error {
	to, err := o.putter()
	if err != nil {
		return failedObject(err, "storing %q", key)
	}
	err = sending(ctx, o.stall, body, size, func(ctx context.Context, body io.Reader) error {
		in := o.put(key, d, size, label)
		in.Body = body
		return to.put(ctx, in, d.Hex(), onceUnlessSeekable(body))
	})
	return failedObject(err, "storing %q", key)
}

// put is the request that stores an artifact, whoever sends it.
func (o *Objects) put(key string, d digest.Digest, size int64, label cas.Label) *s3.PutObjectInput {
	return &s3.PutObjectInput{
		Bucket:         aws.String(o.accessPoint),
		Key:            aws.String(key),
		ContentLength:  aws.Int64(size),
		ContentType:    aws.String(contentType),
		ChecksumSHA256: aws.String(d.Base64()),
		IfNoneMatch:    aws.String("*"),
		Metadata:       metadata(label),
	}
}

// Stat implements cas.Objects. S3 answers a HEAD for a missing object with 403, as
// it does for a forbidden one (facts AWS §7.6): both are cloud.ErrDenied.
func (o *Objects) Stat(ctx context.Context, key string) (cas.Info, error) {
	info, _, err := o.head(ctx, key, "")
	return info, err
}

func (o *Objects) head(ctx context.Context, key string, checksum types.ChecksumMode) (cas.Info, *s3.HeadObjectOutput, error) {
	out, err := o.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(o.accessPoint), Key: aws.String(key), ChecksumMode: checksum})
	if err != nil {
		err = failedObject(err, "describing %q", key)
		// The answer to a HEAD has no body to say why. A token that has expired is the one
		// thing that S3 finds wrong with this request (400; facts AWS §4.6).
		if e, ok := errors.AsType[*Error](err); ok && e.Code == "BadRequest" {
			e.Outcome = cloud.ErrExpired
		}
		return cas.Info{}, nil, err
	}
	return cas.Info{
		Size:      aws.ToInt64(out.ContentLength),
		FileName:  fileName(out.Metadata),
		MediaType: mediaType(out.Metadata),
		Uploader:  uploader(out.Metadata),
		StoredAt:  aws.ToTime(out.LastModified),
		KMSKeyARN: aws.ToString(out.SSEKMSKeyId),
		ETag:      aws.ToString(out.ETag),
	}, out, nil
}

// Exists implements cas.Objects. A key sorts before every longer key that begins
// with it, so one entry of the listing decides.
func (o *Objects) Exists(ctx context.Context, key string) (bool, error) {
	out, err := o.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{
		Bucket: aws.String(o.accessPoint), Prefix: aws.String(key), MaxKeys: aws.Int32(1),
	})
	if err != nil {
		return false, failedObject(err, "looking for %q", key)
	}
	return len(out.Contents) == 1 && aws.ToString(out.Contents[0].Key) == key, nil
}

// signPayload tells the signer what to sign for the body: its sha256. Without it the
// SDK would read the body twice over http, and leave it unsigned over https.
func signPayload(hash string) func(*s3.Options) {
	sign := middleware.InitializeMiddlewareFunc("PayloadHash", func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (middleware.InitializeOutput, middleware.Metadata, error) {
		return next.HandleInitialize(v4.SetPayloadHash(ctx, hash), in)
	})
	return s3.WithAPIOptions(func(stack *middleware.Stack) error { return stack.Initialize.Add(sign, middleware.Before) })
}

// askFirstFrom is the size from which on a body is large.
const askFirstFrom = 1 << 20

// askFirst has S3 say whether it wants a body before a large one is sent: what is
// refused, or there already, costs no transfer, and can be repeated.
//
// The SDK sends the header and does not wait: net/http waits only for requests that say
// that they are HTTP/1.1, which the SDK's do not (Transport.roundTrip in net/http).
func askFirst(o *s3.Options) {
	o.ContinueHeaderThresholdBytes = askFirstFrom
	wait := middleware.BuildMiddlewareFunc("WaitFor100Continue", func(
		ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler,
	) (middleware.BuildOutput, middleware.Metadata, error) {
		if r, ok := in.Request.(*smithyhttp.Request); ok {
			r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
		}
		return next.HandleBuild(ctx, in)
	})
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error { return stack.Build.Add(wait, middleware.After) })
}

// onceUnlessSeekable: a stream that cannot be rewound can be sent once only; its
// owner decides about another try.
func onceUnlessSeekable(body io.Reader) func(*s3.Options) {
	return func(o *s3.Options) {
		if _, ok := body.(io.Seeker); !ok {
			o.Retryer = aws.NopRetryer{}
		}
	}
}

// failedObject is failed on the data path, where only a key can be missing: an access
// point that is not there (yet) is the reconciler's to put back.
func failedObject(err error, format string, args ...any) error {
	err = failed(err, format, args...)
	if e, ok := errors.AsType[*Error](err); ok && (e.Code == "NoSuchAccessPoint" || e.Code == "NoSuchBucket") {
		e.Outcome = cloud.ErrUnavailable
	}
	return err
}
