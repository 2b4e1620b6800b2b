package awscloud

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/probe"
	"github.com/managedcas/managedcas/internal/session"
)

// Reach tries with one session's credentials what it is told to, wherever. It implements
// probe.Reach: the data path, which has Objects, cannot name another access point.
type Reach struct{ objects *Objects }

var _ probe.Reach = Reach{}

// maxCanary is as much as is read of an object.
const maxCanary = 4 << 10

// Reach returns what the session's credentials reach.
func (c *Cloud) Reach(s session.Session) Reach { return Reach{c.Objects(s)} }

// at is the Objects of another access point, or of a bucket, with the same credentials.
func (r Reach) at(bucket string) *Objects {
	o := *r.objects
	o.accessPoint = bucket
	o.putter = sync.OnceValues(func() (*putter, error) { return newPutter(context.Background(), &o) })
	return &o
}

// Put implements probe.Reach.
func (r Reach) Put(ctx context.Context, bucket, key string, d digest.Digest, content []byte) error {
	return r.at(bucket).Put(ctx, key, d, int64(len(content)), bytes.NewReader(content), cas.Label{FileName: "canary.txt"})
}

// Get implements probe.Reach.
func (r Reach) Get(ctx context.Context, bucket, key string) ([]byte, error) {
	body, _, err := r.at(bucket).Get(ctx, key, cas.Range{}, "")
	if err != nil {
		return nil, err
	}
	defer body.Close()
	content, err := io.ReadAll(io.LimitReader(body, maxCanary))
	return content, failedObject(err, "reading %q", key)
}

// Head returns the ARN of the KMS key that an object is encrypted with; empty: with none.
func (r Reach) Head(ctx context.Context, bucket, key string) (string, error) {
	info, err := r.at(bucket).Stat(ctx, key)
	return info.KMSKeyARN, err
}

// List implements probe.Reach.
func (r Reach) List(ctx context.Context, bucket, prefix string) ([]string, error) {
	out, err := r.objects.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix, MaxKeys: aws.Int32(1)})
	if err != nil {
		return nil, failedObject(err, "listing %q", prefix)
	}
	var keys []string
	for _, o := range out.Contents {
		keys = append(keys, aws.ToString(o.Key))
	}
	return keys, nil
}

// Write implements probe.Reach. An upload in parts needs the permission to put and the
// key from its beginning, and stores nothing before its end.
func (r Reach) Write(ctx context.Context, bucket, key string) error {
	o := r.at(bucket)
	id, err := o.Begin(ctx, key, cas.Label{})
	if err != nil {
		return err
	}
	// One that was begun and gave no answer, or is not aborted here, is removed by the
	// bucket's lifecycle rule.
	if err := o.Abort(ctx, key, id); err != nil && !errors.Is(err, cloud.ErrNotFound) {
		return err
	}
	return nil
}
