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
	for _, upload := range []struct {
		what       string
		size       int
		length     int64
		operations []string
	}{
		{"one request that can be retried", 1000, 1000, []string{"PutObject"}},
		{"one request that cannot", part + 1, part + 1, []string{"PutObject"}},
		{"in parts", part + 1, cas.UnknownLength, []string{"ListObjectsV2", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"}},
	} {
		t.Run(upload.what, func(t *testing.T) {
			t.Parallel()
			r := rig.New(t, small())
			for _, operation := range upload.operations {
				survives(t, r, operation, upload.size, upload.length)
			}
			// A CreateMultipartUpload whose answer was lost has left an id that nobody knows:
			// the bucket's lifecycle rule is there for it. Nothing else may be left.
			if left := r.Uploads(t); len(left) > 1 {
				t.Errorf("unfinished uploads: %q", left)
			}
		})
	}
}

// survives lets an operation fail in every way during an upload.
func survives(t *testing.T, r *rig.Rig, operation string, size int, length int64) {
	t.Helper()
	id := r.Org(t)
	for _, fault := range []faults.Rule{
		{Kind: faults.Failure, Count: 1}, {Kind: faults.CutBefore, Count: 1}, {Kind: faults.CutAfter, Count: 1},
		{Kind: faults.CutDuring, Count: 1}, {Kind: faults.CutDuring, Count: 8}, {Kind: faults.Throttle, Count: 1}, {Kind: faults.Failure, Count: 8}, {Kind: faults.Failure, Status: 403, Code: "AccessDenied", Count: 1},
		{Kind: faults.Failure, Status: 409, Code: "ConditionalRequestConflict", Count: 1},
	} {
		if fault.Kind == faults.CutDuring && operation == "CreateMultipartUpload" {
			continue // without a body that is CutAfter
		}
		content, d := rig.Content(size)
		ref := cas.Ref{Org: id, Digest: d}
		fault.Service, fault.Operation = "s3", operation
		if err := r.AWS.Faults().Replace(faults.Plan{Rules: []faults.Rule{fault}}); err != nil {
			t.Fatal(err)
		}
		_, err := r.Store.Put(t.Context(), ref, length, bytes.NewReader(content), cas.Label{})
		if err := r.AWS.Faults().Replace(faults.Plan{}); err != nil {
			t.Fatal(err)
		}
		if err != nil && !problem.KindOf(cas.Problem(err)).Retryable() {
			t.Errorf("%s %s %s: not retryable: %v", operation, fault.Kind, fault.Code, err)
		}
		exists, errExists := r.Store.Exists(t.Context(), ref)
		if errExists != nil || err == nil && !exists {
			t.Errorf("%s %s: exists %t, %v after %v", operation, fault.Kind, exists, errExists, err)
		}
		if _, err := r.Store.Put(t.Context(), ref, length, bytes.NewReader(content), cas.Label{}); err != nil {
			t.Errorf("%s %s: again: %v", operation, fault.Kind, err)
		}
		if got := read(t, r.Store, ref); !bytes.Equal(got, content) {
			t.Errorf("%s %s: other content came back", operation, fault.Kind)
		}
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
			if _, err := r.Store.Put(t.Context(), cas.Ref{Org: id, Digest: d}, length, bytes.NewReader(content), cas.Label{}); err != nil {
				t.Errorf("%s, %s length: %v", lost.Operation, name, err)
			}
		}
	}
}

// W6: a writer that comes too late, at the key or in the middle of its parts, changes
// nothing; S3's refusal is a success only if the artifact is really there.
func TestW6_RefusalsOfS3(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	id := r.Org(t)
	for operation, size := range map[string]int{"PutObject": 1000, "CompleteMultipartUpload": part + 1} {
		for status, code := range map[int]string{409: "ConditionalRequestConflict", 503: "SlowDown", 500: "InternalError"} {
			content, d := rig.Content(size)
			ref := cas.Ref{Org: id, Digest: d}
			fault := faults.Rule{Service: "s3", Operation: operation, Kind: faults.Failure, Status: status, Code: code}
			if err := r.AWS.Faults().Replace(faults.Plan{Rules: []faults.Rule{fault}}); err != nil {
				t.Fatal(err)
			}
			created, err := r.Store.Put(t.Context(), ref, cas.UnknownLength, bytes.NewReader(content), cas.Label{})
			if created || problem.KindOf(cas.Problem(err)) != problem.Unavailable {
				t.Errorf("%s %s: created %t, %v", operation, code, created, err)
			}
			if err := r.AWS.Faults().Replace(faults.Plan{}); err != nil {
				t.Fatal(err)
			}
			if exists, err := r.Store.Exists(t.Context(), ref); exists || err != nil {
				t.Errorf("%s %s: exists %t, %v", operation, code, exists, err)
			}
		}
	}
	if left := r.Uploads(t); len(left) > 0 {
		t.Errorf("unfinished uploads: %q", left)
	}
}

// W16: an Abort that fails is repeated. What no Abort reaches, as after a crash, has a date:
// the bucket's lifecycle rule removes it, which no session may (decision 006).
func TestW16_OrphansHaveADate(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	id := r.Org(t)
	content, d := rig.Content(part + 1)
	for _, row := range []struct{ count, left int }{{1, 0}, {0, 1}} {
		if err := r.AWS.Faults().Replace(faults.Plan{Rules: []faults.Rule{
			{Service: "s3", Operation: "UploadPart", Kind: faults.Failure, Status: 403, Code: "AccessDenied"},
			{Service: "s3", Operation: "AbortMultipartUpload", Kind: faults.CutBefore, Count: row.count},
		}}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Store.Put(t.Context(), cas.Ref{Org: id, Digest: d}, cas.UnknownLength, bytes.NewReader(content), cas.Label{}); err == nil {
			t.Error("stored")
		}
		if left := r.Uploads(t); len(left) != row.left {
			t.Errorf("%d failures: unfinished uploads: %q", row.count, left)
		}
	}
	if due := r.AbortDate(t); due.IsZero() {
		t.Error("what is left is never removed")
	}
}
