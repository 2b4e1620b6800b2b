package clients

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"
)

// TestTransferManager: AWS's own library for Go copies a tree and a big object, by every
// name of the bucket.
func TestTransferManager(t *testing.T) {
	t.Parallel()
	source := tree(t)
	big := filepath.Join(t.TempDir(), "big.bin")
	fill(t, big, bigObject)
	want := sum(t, big)
	for _, addressing := range []string{"bucket", "alias", "ARN"} {
		t.Run(addressing, func(t *testing.T) {
			w := newWorld(t)
			where := w.where(t, addressing)
			manager := transfermanager.New(s3.NewFromConfig(w.config(t, w.session)))
			ctx := t.Context()

			sent, err := manager.UploadDirectory(ctx, &transfermanager.UploadDirectoryInput{
				Bucket: &where, Source: &source, Recursive: aws.Bool(true), KeyPrefix: aws.String(prefix),
			})
			if err != nil || sent.ObjectsFailed != 0 {
				t.Fatalf("uploading: %+v, %v", sent, err)
			}
			back := t.TempDir()
			if _, err := manager.DownloadDirectory(ctx, &transfermanager.DownloadDirectoryInput{
				Bucket: &where, Destination: &back, KeyPrefix: aws.String(prefix + "/"),
			}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(sums(t, source), sums(t, back)); diff != "" {
				t.Errorf("what came back (+) is not what went in (-):\n%s", diff)
			}

			key := prefix + "/big"
			content, err := os.Open(big)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = content.Close() }()
			_, last := w.changes(t, 0)
			if _, err := manager.UploadObject(ctx, &transfermanager.UploadObjectInput{Bucket: &where, Key: &key, Body: content, IfNoneMatch: aws.String("*")}); err != nil {
				t.Fatal(err)
			}
			if writes, _ := w.changes(t, last); !slices.ContainsFunc(writes, isPart) {
				t.Error("it was not sent in parts")
			}
			file, err := os.Create(filepath.Join(back, "big"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := manager.DownloadObject(ctx, &transfermanager.DownloadObjectInput{Bucket: &where, Key: &key, WriterAt: file}); err != nil {
				t.Fatal(err)
			}
			if err := file.Close(); err != nil {
				t.Fatal(err)
			}
			if got := sum(t, file.Name()); got != want {
				t.Errorf("the big object has sha256 %s, want %s", got, want)
			}
		})
	}
}
