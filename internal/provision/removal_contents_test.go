package provision_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/emulator"
)

// plainS3 is a client of the account's root that knows nothing of us.
func plainS3(t *testing.T, account *emulator.AWS) *s3.Client {
	t.Helper()
	server := httptest.NewServer(account)
	t.Cleanup(server.Close)
	root := account.RootCredentials()
	return s3.New(s3.Options{
		Region: region, BaseEndpoint: &server.URL, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(root.AccessKeyID, root.SecretAccessKey, ""),
	})
}

// Versions, delete markers and unfinished uploads are all something that is left. They are
// put into the bucket before its policy keeps everybody out.
func TestRemovalCountsWhatTheBucketHolds(t *testing.T) {
	t.Parallel()
	for counted, fill := range map[string]func(*testing.T, *s3.Client){
		"3 versions of objects, 0 delete markers and 0 unfinished uploads": func(t *testing.T, c *s3.Client) {
			put(t, c, "a")
			put(t, c, "a")
			put(t, c, "b")
		},
		"0 versions of objects, 1 delete markers and 0 unfinished uploads": func(t *testing.T, c *s3.Client) {
			id := put(t, c, "a")
			remove(t, c, "a", nil)
			remove(t, c, "a", id)
		},
		"0 versions of objects, 0 delete markers and 2 unfinished uploads": func(t *testing.T, c *s3.Client) {
			for range 2 {
				if _, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: aws.String("artifacts"), Key: aws.String("a")}); err != nil {
					t.Fatal(err)
				}
			}
		},
	} {
		account, c := emulated(t)
		if err := c.CreateBucket(t.Context(), "artifacts"); err != nil {
			t.Fatal(err)
		}
		client := plainS3(t, account)
		if _, err := client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
			Bucket: aws.String("artifacts"), VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
		}); err != nil {
			t.Fatal(err)
		}
		fill(t, client)
		in, err := apply(t, names(), c)
		if err != nil {
			t.Fatal(err)
		}
		plan := removalPlan(t, removal(in, c))
		if len(plan.Steps) != 0 || len(plan.Refusals) != 1 || !strings.Contains(plan.Refusals[0], "bucket artifacts holds "+counted+": purge") {
			t.Errorf("%s: %+v", counted, plan)
		}
	}
}

// Nobody but operators may look into the bucket, and whoever is none is told.
func TestRemovalIsForOperators(t *testing.T) {
	t.Parallel()
	_, c := emulated(t)
	without := names()
	without.OperatorARNs = nil
	in, err := apply(t, without, c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := removal(in, c).Plan(t.Context()); !errors.Is(err, cloud.ErrDenied) || !strings.Contains(err.Error(), "backend.managedCas.operatorArns") {
		t.Errorf("%v", err)
	}
}

func put(t *testing.T, c *s3.Client, key string) (version *string) {
	t.Helper()
	out, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("artifacts"), Key: &key, Body: strings.NewReader(key)})
	if err != nil {
		t.Fatal(err)
	}
	return out.VersionId
}

func remove(t *testing.T, c *s3.Client, key string, version *string) {
	t.Helper()
	if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("artifacts"), Key: &key, VersionId: version}); err != nil {
		t.Fatal(err)
	}
}
