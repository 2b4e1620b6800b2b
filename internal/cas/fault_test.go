package cas_test

import (
	"bytes"
	"testing"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/emulator/faults"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/test/rig"
)

// I3, W8, W16: S3 fails at every step of an upload, before and after the effect. An
// upload that reports success is there and right; one that does not has left no parts
// and can be repeated; and a failure that is S3's is retryable (I12).
func TestI3_FaultsOfS3(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	id := r.Org(t)
	for _, upload := range []struct {
		what       string
		size       int
		length     int64
		operations []string
	}{
		{"one request that can be retried", 1000, 1000, []string{"PutObject"}},
		{"one request that cannot", part + 1, part + 1, []string{"PutObject"}},
		{"in parts", part + 1, cas.UnknownLength, []string{"CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"}},
	} {
		for _, operation := range upload.operations {
			for _, fault := range []faults.Rule{
				{Kind: faults.Failure, Count: 1}, {Kind: faults.CutBefore, Count: 1}, {Kind: faults.CutAfter, Count: 1},
				{Kind: faults.Throttle, Count: 1}, {Kind: faults.Failure, Count: 8}, {Kind: faults.Failure, Status: 403, Code: "AccessDenied", Count: 1},
				{Kind: faults.Failure, Status: 409, Code: "ConditionalRequestConflict", Count: 1},
			} {
				content, d := rig.Content(upload.size)
				ref := cas.Ref{Org: id, Digest: d}
				fault.Service, fault.Operation = "s3", operation
				if err := r.AWS.Faults().Replace(faults.Plan{Rules: []faults.Rule{fault}}); err != nil {
					t.Fatal(err)
				}
				_, err := r.Store.Put(t.Context(), ref, upload.length, bytes.NewReader(content), "")
				if err := r.AWS.Faults().Replace(faults.Plan{}); err != nil {
					t.Fatal(err)
				}
				if err != nil && !problem.KindOf(cas.Problem(err)).Retryable() {
					t.Errorf("%s, %s %s %s: not retryable: %v", upload.what, operation, fault.Kind, fault.Code, err)
				}
				exists, errExists := r.Store.Exists(t.Context(), ref)
				if errExists != nil || err == nil && !exists {
					t.Errorf("%s, %s %s: exists %t, %v after %v", upload.what, operation, fault.Kind, exists, errExists, err)
				}
				if _, err := r.Store.Put(t.Context(), ref, upload.length, bytes.NewReader(content), ""); err != nil {
					t.Errorf("%s, %s %s: again: %v", upload.what, operation, fault.Kind, err)
				}
				if got := read(t, r.Store, ref); !bytes.Equal(got, content) {
					t.Errorf("%s, %s %s: other content came back", upload.what, operation, fault.Kind)
				}
			}
		}
	}
	// A CreateMultipartUpload whose answer was lost has left an id that nobody knows: the
	// bucket's lifecycle rule is there for it. Nothing else may be left.
	if left := r.Uploads(t); len(left) > 1 {
		t.Errorf("unfinished uploads: %q", left)
	}
}

// A lost answer to a write is no reason to fail: the artifact is there.
func TestPutLooksWhenTheAnswerIsLost(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	id := r.Org(t)
	for _, lost := range []faults.Rule{
		{Operation: "PutObject", Kind: faults.CutAfter, Count: 1},
		{Operation: "CompleteMultipartUpload", Kind: faults.CutAfter, Count: 1},
	} {
		for name, length := range lengths(part + 1) {
			content, d := rig.Content(part + 1)
			if err := r.AWS.Faults().Replace(faults.Plan{Rules: []faults.Rule{lost}}); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Store.Put(t.Context(), cas.Ref{Org: id, Digest: d}, length, bytes.NewReader(content), ""); err != nil {
				t.Errorf("%s, %s length: %v", lost.Operation, name, err)
			}
		}
	}
}
