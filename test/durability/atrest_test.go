package durability

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// inRegion is the constraint that CreateBucket demands outside us-east-1.
func inRegion(d *daemon) *types.CreateBucketConfiguration {
	return &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(d.ready.AWS.Region)}
}

// Objects are encrypted on disk whichever way the client asked for, and whoever has
// the files without the keys has nothing: the disk that is thrown away is the case.
func TestAtRest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := start(t, dir)
	client, ctx := d.s3(t), t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(bucket), CreateBucketConfiguration: inRegion(d)})
	must(err)
	made, err := d.kms().CreateKey(ctx, &kms.CreateKeyInput{})
	must(err)

	marker := []byte("no byte of this may lie on the disk")
	body := bytes.Repeat(marker, 5000) // more than one segment
	_, err = client.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("s3"), Body: bytes.NewReader(body)})
	must(err)
	_, err = client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(bucket), Key: aws.String("kms"), Body: bytes.NewReader(body),
		ServerSideEncryption: types.ServerSideEncryptionAwsKms, SSEKMSKeyId: made.KeyMetadata.Arn,
	})
	must(err)
	for _, key := range []string{"s3", "kms"} {
		if !bytes.Equal(get(t, client, key), body) {
			t.Errorf("%s does not read back", key)
		}
	}
	d.Kill()

	must(filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		if bytes.Contains(raw, marker[:12]) {
			t.Errorf("%s holds plaintext", path)
		}
		return err
	}))

	// Without its keys the daemon starts, with new ones, and can read nothing.
	remove(t, filepath.Join(dir, "keys.db"))
	remove(t, filepath.Join(dir, "sse-s3.key"))
	client = start(t, dir).s3(t)
	for _, key := range []string{"s3", "kms"} {
		if out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: &key}); err == nil {
			_ = out.Body.Close()
			t.Errorf("%s can be read without the keys", key)
		}
	}
}
