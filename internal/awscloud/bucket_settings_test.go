package awscloud_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/cloud"
)

// The text of a rule is what the aws command line takes: nothing is in it that is not set.
func TestBucketLifecycle(t *testing.T) {
	t.Parallel()
	c := at(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `<LifecycleConfiguration>
<Rule><ID>old</ID><Prefix>logs/</Prefix><Status>Enabled</Status><Expiration><Days>3</Days></Expiration></Rule>
<Rule><Filter><And><Prefix>a/</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></And></Filter><Status>Disabled</Status>
<Transition><Days>9</Days><StorageClass>GLACIER</StorageClass></Transition></Rule>
<Rule><ID>markers</ID><Filter><ObjectSizeLessThan>8</ObjectSizeLessThan></Filter><Status>Enabled</Status><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration></Rule>
<Rule><ID>uploads</ID><Filter><Prefix></Prefix></Filter><Status>Enabled</Status><AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>
</LifecycleConfiguration>`)
	})
	got, err := c.BucketLifecycle(t.Context(), "artifacts")
	want := []cloud.LifecycleRule{
		{ID: "old", Enabled: true, Prefix: "logs/", Expires: true,
			Text: []byte(`{"Expiration":{"Days":3},"ID":"old","Prefix":"logs/","Status":"Enabled"}`)},
		{Prefix: "a/", Narrowed: true, Classes: []string{"GLACIER"},
			Text: []byte(`{"Filter":{"And":{"Prefix":"a/","Tags":[{"Key":"k","Value":"v"}]}},"Status":"Disabled","Transitions":[{"Days":9,"StorageClass":"GLACIER"}]}`)},
		{ID: "markers", Enabled: true, Narrowed: true,
			Text: []byte(`{"Expiration":{"ExpiredObjectDeleteMarker":true},"Filter":{"ObjectSizeLessThan":8},"ID":"markers","Status":"Enabled"}`)},
		{ID: "uploads", Enabled: true, UploadDays: 7,
			Text: []byte(`{"AbortIncompleteMultipartUpload":{"DaysAfterInitiation":7},"Filter":{"Prefix":""},"ID":"uploads","Status":"Enabled"}`)},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// A bucket whose name only begins like ours is not ours.
func TestOwnsBucket(t *testing.T) {
	t.Parallel()
	c := at(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `<ListAllMyBucketsResult><Buckets><Bucket><Name>artifacts-eu</Name></Bucket><Bucket><Name>artifacts</Name></Bucket></Buckets></ListAllMyBucketsResult>`)
	})
	for name, want := range map[string]bool{"artifacts": true, "artifacts-e": false} {
		if got, err := c.OwnsBucket(t.Context(), name); got != want || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestKeyState(t *testing.T) {
	t.Parallel()
	c := at(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = io.WriteString(w, `{"KeyMetadata":{"KeyId":"k","Arn":"arn:aws:kms:eu-west-1:123456789012:key/k","KeyState":"Disabled","KeyManager":"CUSTOMER","KeySpec":"RSA_2048","KeyUsage":"SIGN_VERIFY"}}`)
	})
	got, err := c.KeyState(t.Context(), "k")
	want := cloud.KeyState{ARN: "arn:aws:kms:eu-west-1:123456789012:key/k", State: "Disabled", Manager: "CUSTOMER", Spec: "RSA_2048", Usage: "SIGN_VERIFY"}
	if got != want || err != nil {
		t.Errorf("got %+v, %v", got, err)
	}
}
