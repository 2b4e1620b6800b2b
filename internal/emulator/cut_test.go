package emulator_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/managedcas/managedcas/internal/emulator/faults"
	"github.com/managedcas/managedcas/internal/emulator/journal"
)

// TestCutWithinABody: of a download the first part arrives and then an error, never an
// end; of an upload nothing is stored.
func TestCutWithinABody(t *testing.T) {
	t.Parallel()
	a, _, cfg := start(t)
	client, ctx := s3.NewFromConfig(cfg), t.Context()
	bucket, key := aws.String("bucket"), aws.String("key")
	if _, err := client.CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket: bucket, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: region},
	}); err != nil {
		t.Fatal(err)
	}
	content := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
	put := func() error {
		_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, Body: bytes.NewReader(content)})
		return err
	}
	get := func() ([]byte, error) {
		res, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key})
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		return io.ReadAll(res.Body)
	}
	fault := func(operation string, bytes int) {
		t.Helper()
		rule := faults.Rule{Operation: operation, Kind: faults.CutDuring, Count: 1, Bytes: bytes}
		if err := a.Faults().Replace(faults.Plan{Rules: []faults.Rule{rule}}); err != nil {
			t.Fatal(err)
		}
	}

	fault("PutObject", 0)
	if err := put(); err == nil || code(err) == "" {
		t.Fatalf("the upload succeeded: %v", err)
	}
	if _, err := get(); code(err) != "NoSuchKey" {
		t.Errorf("after a broken upload: %v", err)
	}
	if err := put(); err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]int{0: len(content) / 2, 1: 1, 100_000: 100_000} {
		fault("GetObject", n)
		got, err := get()
		if !errors.Is(err, io.ErrUnexpectedEOF) || len(got) != want || !bytes.HasPrefix(content, got) {
			t.Errorf("%d bytes arrived, want %d; %v", len(got), want, err)
		}
	}
	if got, err := get(); err != nil || !bytes.Equal(got, content) {
		t.Errorf("afterwards %d bytes, %v", len(got), err)
	}
	if got := a.Journal().Entries(journal.Filter{Operation: "PutObject"}); len(got) != 2 || got[0].Fault != "cut-during" || got[1].Fault != "" {
		t.Errorf("the journal has %+v", got)
	}
}
