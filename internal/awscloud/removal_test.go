package awscloud_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/cloud"
)

// versionsOf is a bucket of so many pages, each of two versions and a delete marker, and an
// unfinished upload.
func versionsOf(t *testing.T, pages int) *awscloud.Cloud {
	t.Helper()
	return over(t, func(r *http.Request) (int, string) {
		query := r.URL.Query()
		if query.Has("uploads") {
			return http.StatusOK, "<ListMultipartUploadsResult><Upload><Key>k</Key><UploadId>u</UploadId></Upload></ListMultipartUploadsResult>"
		}
		at, _ := strconv.Atoi(query.Get("key-marker"))
		truncated := fmt.Sprintf("<IsTruncated>%t</IsTruncated>", at+1 < pages)
		if at+1 < pages {
			truncated += fmt.Sprintf("<NextKeyMarker>%d</NextKeyMarker><NextVersionIdMarker>v</NextVersionIdMarker>", at+1)
		}
		version := "<Version><Key>k</Key><VersionId>v</VersionId></Version>"
		return http.StatusOK, "<ListVersionsResult>" + truncated + version + version + "<DeleteMarker><Key>k</Key></DeleteMarker></ListVersionsResult>"
	})
}

// Everything is counted up to the bound; beyond it nobody asks on.
func TestBucketContents(t *testing.T) {
	t.Parallel()
	for pages, want := range map[int]cloud.Contents{
		1: {Versions: 2, DeleteMarkers: 1, Uploads: 1},
		2: {Versions: 4, DeleteMarkers: 2, Uploads: 1},
		3: {Versions: 4, DeleteMarkers: 2, Uploads: 1, More: true},
	} {
		got, err := versionsOf(t, pages).BucketContents(t.Context(), "b", 6)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%d pages: %v (-want +got):\n%s", pages, err, diff)
		}
	}
	if (cloud.Contents{Uploads: 1}).Empty() || !(cloud.Contents{}).Empty() {
		t.Error("empty is when there is nothing of anything")
	}
}

// A list that leads back to itself has no end, and is no list.
func TestBucketContentsGoRoundInNoCircle(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c := over(t, func(*http.Request) (int, string) {
		return http.StatusOK, "<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker><NextVersionIdMarker>v</NextVersionIdMarker></ListVersionsResult>"
	})
	if _, err := c.BucketContents(ctx, "b", 1000); err == nil || !strings.Contains(err.Error(), "leads back") {
		t.Errorf("%v", err)
	}
}

// What a denial needs is named as IAM names it, which is not always as the call is named.
func TestActions(t *testing.T) {
	t.Parallel()
	c := over(t, func(r *http.Request) (int, string) {
		if r.URL.Query().Has("location") {
			return http.StatusOK, "<LocationConstraint>eu-west-1</LocationConstraint>"
		}
		return http.StatusForbidden, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
	})
	ctx := t.Context()
	_, block := c.Bucket(ctx, "b")
	_, contents := c.BucketContents(ctx, "b", 1)
	_, point := c.AccessPoint(ctx, "p")
	_, role := c.Role(ctx, "r")
	_, key := c.Key(ctx, "alias/k")
	for want, err := range map[string]error{
		"s3:GetBucketPublicAccessBlock": block,
		"s3:PutEncryptionConfiguration": c.EncryptBucket(ctx, "b", "k"),
		"s3:GetLifecycleConfiguration":  c.AbortIncompleteUploads(ctx, "b", 7),
		"s3:ListBucketVersions":         contents,
		"s3:GetAccessPoint":             point,
		"iam:GetRole":                   role,
		"kms:DescribeKey":               key,
		"":                              cloud.ErrDenied,
	} {
		if got := awscloud.Action(fmt.Errorf("wrapped: %w", err)); got != want {
			t.Errorf("%v: needs %q, want %q", err, got, want)
		}
	}
}
