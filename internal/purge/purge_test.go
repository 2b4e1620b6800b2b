package purge_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscredentials "github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/emulator/faults"
	"github.com/managedcas/managedcas/internal/emulator/journal"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// listed is what the account's root, an operator, sees of an organization: each version's
// ETag, which no two writes share.
func (w *world) listed(t *testing.T, id org.ID) []string {
	t.Helper()
	key := w.aws.RootCredentials()
	client := s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: &w.endpoint, UsePathStyle: true,
		Credentials: awscredentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, ""),
	})
	out, err := client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &w.in.BucketName, Prefix: aws.String(id.String() + "/")})
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	for _, v := range out.Versions {
		seen = append(seen, strings.Join([]string{aws.ToString(v.Key), aws.ToString(v.VersionId), aws.ToString(v.ETag), v.LastModified.String()}, " "))
	}
	for _, m := range out.DeleteMarkers {
		seen = append(seen, aws.ToString(m.Key)+" "+aws.ToString(m.VersionId)+" marker")
	}
	return seen
}

// purged checks that nothing is left of an organization but its row and the account of
// its deletion.
func (w *world) purged(t *testing.T, id org.ID) registry.Deletion {
	t.Helper()
	if left := w.listed(t, id); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
	d, err := w.db.Deletion(t.Context(), id)
	if err != nil || d.PurgedAt.IsZero() || d.BegunAt.After(d.PurgedAt) {
		t.Errorf("deletion %+v, %v", d, err)
	}
	if entries, err := w.db.Artifacts(t.Context(), id, time.Time{}, digest.Digest{}, 10); err != nil || len(entries) != 0 {
		t.Errorf("catalogue %v, %v", entries, err)
	}
	if open, err := w.db.OpenUploads(t.Context(), id, 10); err != nil || len(open) != 0 {
		t.Errorf("uploads %v, %v", open, err)
	}
	if _, err := w.db.UndeleteOrganization(t.Context(), id, ""); !errors.Is(err, registry.ErrPurging) {
		t.Errorf("undelete: %v", err)
	}
	return d
}

// I7: a purge is safe to kill between any two calls, and goes on. The neighbour, which
// stores the same content, is untouched byte for byte.
func TestI7PurgeKilledBetweenAnyTwoCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	neighbour := w.organization(t, 3)
	before := w.listed(t, neighbour.ID)
	if len(before) != 3 {
		t.Fatalf("%q", before)
	}
	interrupted := 0
	for _, after := range []bool{false, true} {
		for n, done := int64(1), false; !done; n++ {
			o := w.organization(t, 3)
			w.upload(t, o.ID)
			w.entry(t, o.ID)
			w.deleted(t, o.ID)
			ctx, kill := context.WithCancel(t.Context())
			dying := &interrupter{network: w.network, kill: kill, at: n, after: after}
			err := w.purger(t, dying).Due(ctx)
			kill()
			if done = !dying.reached(); !done {
				interrupted++
			} else if err != nil {
				t.Fatal(err)
			}
			if d, err := w.db.Deletion(t.Context(), o.ID); err != nil {
				t.Fatal(err)
			} else if left := w.listed(t, o.ID); d.BegunAt.IsZero() && len(left) != 3 {
				t.Errorf("request %d: the purge has not begun, and %q are left", n, left)
			} else if !d.BegunAt.IsZero() {
				if _, err := w.db.UndeleteOrganization(t.Context(), o.ID, ""); !errors.Is(err, registry.ErrPurging) {
					t.Errorf("request %d: undelete of a purge that has begun: %v", n, err)
				}
			}
			if err := w.purger(t, w.network).Due(t.Context()); err != nil {
				t.Errorf("request %d (after %t): %v", n, after, err)
			}
			w.purged(t, o.ID)
		}
	}
	if interrupted < 8 {
		t.Errorf("interrupted %d times only", interrupted)
	}
	if now := w.listed(t, neighbour.ID); !slices.Equal(now, before) {
		t.Errorf("the neighbour has %q, had %q", now, before)
	}
	for i := range 3 {
		want := fmt.Sprintf("artifact %d", i)
		body, _, err := w.session(t, neighbour.ID).Get(t.Context(), w.in.Tenant(neighbour.ID).ObjectKey(digest.Of([]byte(want))), cas.Range{}, "")
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(body)
		if err := errors.Join(err, body.Close()); err != nil || string(got) != want {
			t.Errorf("the neighbour reads %q, %v, want %q", got, err, want)
		}
	}
}

// upload leaves an upload in parts behind, with its record.
func (w *world) upload(t *testing.T, id org.ID) {
	t.Helper()
	d := digest.Of([]byte("never completed"))
	storage, err := w.session(t, id).Begin(t.Context(), w.in.Tenant(id).ObjectKey(d), cas.Label{})
	if err != nil {
		t.Fatal(err)
	}
	record, now := uuid.New(), time.Now()
	err = w.db.CreateUpload(t.Context(), registry.Upload{
		ID: record, Org: id, Digest: d, Name: record, Length: digest.UnknownLength, StorageID: storage,
		Generation: 1, CreatedAt: now, UpdatedAt: now, ExpiresAt: now.Add(time.Hour),
	}, 1)
	if err != nil {
		t.Fatal(err)
	}
}

// entry adds one to the catalogue.
func (w *world) entry(t *testing.T, id org.ID) {
	t.Helper()
	err := w.db.AddArtifacts(t.Context(), []registry.Artifact{{Org: id, Digest: digest.Of([]byte("x")), Size: 1, StoredAt: time.Now()}})
	if err != nil {
		t.Fatal(err)
	}
}

// What the purge does in AWS is no more than it must, and is all done by the one session.
func TestPurgeCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.organization(t, 3)
	w.upload(t, o.ID)
	w.deleted(t, o.ID)
	w.aws.Journal().Clear()
	if err := w.purger(t, w.network).Due(t.Context()); err != nil {
		t.Fatal(err)
	}
	var calls []string
	for _, e := range w.aws.Journal().Entries(journal.Filter{}) {
		if strings.HasPrefix(e.Operation, "Assume") {
			continue
		}
		calls = append(calls, e.Operation)
		want := "assumed-role/tenant-purge/purge-" + o.ID.String()
		if e.Operation == "GetAccessPoint" {
			want = "assumed-role/backend/eks-c-backend"
		}
		if !strings.Contains(e.Caller, want) {
			t.Errorf("%s by %s", e.Operation, e.Caller)
		}
	}
	if want := []string{"GetAccessPoint", "AbortMultipartUpload", "ListObjectVersions", "DeleteObjects", "ListObjectVersions"}; !slices.Equal(calls, want) {
		t.Errorf("calls %q, want %q", calls, want)
	}
	if d := w.purged(t, o.ID); d.Objects != 4 || d.Bytes != 3*int64(len("artifact 0")) {
		t.Errorf("%+v", d)
	}
	// Again: nothing is due, and nothing is asked of AWS.
	w.aws.Journal().Clear()
	if err := w.purger(t, w.network).Due(t.Context()); err != nil || len(w.aws.Journal().Entries(journal.Filter{})) != 0 {
		t.Errorf("a second time: %v", err)
	}
}

// Every version and marker goes, also keys that XML cannot carry, more than one batch of
// them, and the neighbour's keys that look alike stay.
func TestPurgeOfABucketWithVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o, neighbour := w.organization(t, 2), w.organization(t, 2)
	key := w.aws.RootCredentials()
	client := s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: &w.endpoint, UsePathStyle: true,
		Credentials: awscredentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, ""),
	})
	policy, err := client.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: &w.in.BucketName})
	if err != nil {
		t.Fatal(err)
	}
	// Before the policy came, somebody turned versions on and wrote by hand.
	if _, err := client.DeleteBucketPolicy(t.Context(), &s3.DeleteBucketPolicyInput{Bucket: &w.in.BucketName}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: &w.in.BucketName, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	}); err != nil {
		t.Fatal(err)
	}
	mine := o.ID.String() + "/"
	for _, name := range []string{"a", "a", "a b&<>\"'+%2F", "control\x01\r\n", "../escape", "é/ü", "a"} {
		if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &w.in.BucketName, Key: aws.String(mine + name), Body: strings.NewReader(name), ServerSideEncryption: types.ServerSideEncryptionAes256}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &w.in.BucketName, Key: aws.String(mine + "a")}); err != nil {
		t.Fatal(err)
	}
	alike := neighbour.ID.String() + "/" + mine + "a"
	if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &w.in.BucketName, Key: &alike, Body: strings.NewReader("alike"), ServerSideEncryption: types.ServerSideEncryptionAes256}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &w.in.BucketName, Policy: policy.Policy}); err != nil {
		t.Fatal(err)
	}
	before := w.listed(t, neighbour.ID)
	w.deleted(t, o.ID)
	if err := w.purger(t, w.network).Due(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := w.purged(t, o.ID); d.Objects != 2+7+1 {
		t.Errorf("%+v", d)
	}
	if now := w.listed(t, neighbour.ID); !slices.Equal(now, before) || len(now) != 3 {
		t.Errorf("the neighbour has %q, had %q", now, before)
	}
}

// Not before its time, not while it lives, and not once it was brought back.
func TestNothingElseIsPurged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	living, retained, back := w.organization(t, 1), w.organization(t, 1), w.organization(t, 1)
	if _, err := w.db.SetOrganizationState(t.Context(), retained.ID, org.Deleting, ""); err != nil {
		t.Fatal(err)
	}
	if err := w.db.RetainObjects(t.Context(), retained.ID, time.Hour); err != nil {
		t.Fatal(err)
	}
	w.reconcile(t, retained.ID)
	w.deleted(t, back.ID)
	if _, err := w.db.UndeleteOrganization(t.Context(), back.ID, ""); err != nil {
		t.Fatal(err)
	}
	for _, o := range []org.Organization{living, retained, back} {
		if err := w.db.BeginPurge(t.Context(), o.ID, time.Now(), time.Minute); !errors.Is(err, registry.ErrConflict) && !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("%s: %v", o.Name, err)
		}
	}
	if err := w.purger(t, w.network).Due(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, o := range []org.Organization{living, retained, back} {
		if left := w.listed(t, o.ID); len(left) != 1 {
			t.Errorf("%s: left %q", o.Name, left)
		}
	}
	w.reconcile(t, back.ID)
	key := w.in.Tenant(back.ID).ObjectKey(digest.Of([]byte("artifact 0")))
	if there, err := w.session(t, back.ID).Exists(t.Context(), key); err != nil || !there {
		t.Errorf("brought back: %t, %v", there, err)
	}
}

// A purge that S3 throttles, refuses in part, or that another process has, loses nothing
// and ends.
func TestPurgeInTrouble(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o, other := w.organization(t, 2), w.organization(t, 2)
	w.deleted(t, o.ID)
	w.deleted(t, other.ID)
	if err := w.db.BeginPurge(t.Context(), other.ID, time.Now(), time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := w.aws.Faults().Replace(faults.Plan{Rules: []faults.Rule{
		{Service: "s3", Operation: "DeleteObjects", Count: 1, Kind: faults.CutAfter},
		{Service: "s3", Operation: "ListObjectVersions", Count: 2, Kind: faults.Throttle},
	}}); err != nil {
		t.Fatal(err)
	}
	if err := w.purger(t, w.network).Due(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.purged(t, o.ID)
	if left := w.listed(t, other.ID); len(left) != 2 {
		t.Errorf("another process's: %q", left)
	}
	if err := w.db.LeavePurge(t.Context(), other.ID); err != nil {
		t.Fatal(err)
	}
	if err := w.purger(t, w.network).Due(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.purged(t, other.ID)
}

// The purge role is refused what is not its organization's, key by key, and a backend
// without the role's trust gets no session.
func TestPurgeReachesOneOrganization(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o, neighbour := w.organization(t, 1), w.organization(t, 1)
	backend := w.cloud(t, w.backend, w.network)
	objects := backend.Purge(w.in, w.in.Tenant(o.ID))
	name := digest.Of([]byte("artifact 0"))
	own, theirs := w.in.Tenant(o.ID).ObjectKey(name), w.in.Tenant(neighbour.ID).ObjectKey(name)
	gone, err := objects.Delete(t.Context(), []cloud.ObjectVersion{{Key: theirs, VersionID: "null"}, {Key: own, VersionID: "null"}})
	if !errors.Is(err, cloud.ErrDenied) || len(gone) != 1 || gone[0].Key != own {
		t.Errorf("deleted %v, %v", gone, err)
	}
	if err := objects.Abort(t.Context(), theirs, "x"); !errors.Is(err, cloud.ErrDenied) {
		t.Errorf("abort: %v", err)
	}
	if left := w.listed(t, neighbour.ID); len(left) != 1 {
		t.Errorf("the neighbour has %q", left)
	}
	if _, err := w.cas.Purge(w.in, w.in.Tenant(neighbour.ID)).Versions(t.Context()); !errors.Is(err, cloud.ErrDenied) {
		t.Errorf("cas purges: %v", err)
	}
}
