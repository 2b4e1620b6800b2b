package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// singlePut is up to which size the direct client stores with one request, as cas does.
const singlePut = 64 * mib

// direct is the SDK alone, on a bucket with a KMS key as the installation has: what cas itself stands
// on, without tenants, tokens and verification.
type direct struct{ s3 *s3.Client }

const directBucket = "ratios-direct"

func newDirect(ctx context.Context, at ready) (direct, error) {
	cfg := aws.Config{
		Region: at.AWS.Region, BaseEndpoint: &at.AWS.Endpoint,
		Credentials: credentials.NewStaticCredentialsProvider(at.AWS.AccessKeyID, at.AWS.SecretAccessKey, ""),
		HTTPClient:  &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}},
	}
	d := direct{s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })}
	// The installation's own key is for its tenants: not even root may use it.
	key, err := kms.NewFromConfig(cfg).CreateKey(ctx, &kms.CreateKeyInput{})
	if err != nil {
		return d, err
	}
	if _, err := d.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(directBucket)}); err != nil {
		return d, err
	}
	_, err = d.s3.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{
		Bucket: aws.String(directBucket),
		ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
			ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{
				SSEAlgorithm: types.ServerSideEncryptionAwsKms, KMSMasterKeyID: key.KeyMetadata.Arn,
			},
			BucketKeyEnabled: aws.Bool(true),
		}}},
	})
	return d, err
}

func (direct) name() string { return "direct SDK" }

func (d direct) put(ctx context.Context, a artifact) error {
	key := a.digest.String()
	if a.size() <= singlePut {
		_, err := d.s3.PutObject(ctx, &s3.PutObjectInput{
			Bucket: aws.String(directBucket), Key: &key, Body: a.content(), ChecksumSHA256: aws.String(a.digest.Base64()), IfNoneMatch: aws.String("*"),
		})
		return err
	}
	_, err := transfermanager.New(d.s3).UploadObject(ctx, &transfermanager.UploadObjectInput{
		Bucket: aws.String(directBucket), Key: &key, Body: a.content(), IfNoneMatch: aws.String("*"),
	})
	return err
}

func (d direct) get(ctx context.Context, a artifact) error {
	out, err := d.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(directBucket), Key: aws.String(a.digest.String())})
	if err != nil {
		return err
	}
	return errors.Join(drain(out.Body, a.size()), out.Body.Close())
}

func (d direct) begin(ctx context.Context, a artifact) error {
	out, err := d.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(directBucket), Key: aws.String(a.digest.String())})
	if err != nil {
		return err
	}
	_, err = out.Body.Read(make([]byte, 1))
	return errors.Join(ignoreEOF(err), out.Body.Close())
}

// batches makes the artifacts of a round, a batch for each path. For a download they are
// there already, and the tokens of both directions are at hand.
func (w *world) batches(ctx context.Context, j job, paths int, up bool, round int) ([][]artifact, error) {
	if !up && round > 0 {
		return w.last, w.fetchTokens(ctx, w.last, up)
	}
	out := make([][]artifact, paths)
	for i := range out {
		for range j.count {
			out[i] = append(out[i], newArtifact(j.size))
		}
	}
	if up {
		return out, w.fetchTokens(ctx, out, true)
	}
	if err := w.fetchTokens(ctx, out, true); err != nil {
		return nil, err
	}
	for i, p := range w.paths() {
		for _, a := range out[i] {
			if err := p.put(ctx, a); err != nil {
				return nil, fmt.Errorf("%s: %w", p.name(), err)
			}
		}
	}
	w.last = out
	return out, w.fetchTokens(ctx, out, false)
}

func (w *world) fetchTokens(ctx context.Context, batches [][]artifact, up bool) error {
	for i, p := range w.paths() {
		if err := w.fetchTokensOf(ctx, p, batches[i], up); err != nil {
			return err
		}
	}
	return nil
}

// fetchTokensOf gets the tokens that a path needs, if it does.
func (w *world) fetchTokensOf(ctx context.Context, p path, all []artifact, up bool) error {
	t, needs := p.(interface {
		fetch(context.Context, artifact, bool) error
	})
	if !needs {
		return nil
	}
	for _, a := range all {
		if err := t.fetch(ctx, a, up); err != nil {
			return fmt.Errorf("token: %w", err)
		}
	}
	return nil
}

// empty frees the disk of what only the direct client and the files hold.
func (w *world) empty(ctx context.Context) error {
	pages := s3.NewListObjectsV2Paginator(w.direct.s3, &s3.ListObjectsV2Input{Bucket: aws.String(directBucket)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, o := range page.Contents {
			if _, err := w.direct.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(directBucket), Key: o.Key}); err != nil {
				return err
			}
		}
	}
	return os.RemoveAll(w.files.dir)
}
