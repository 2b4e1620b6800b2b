package cas_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/test/rig"
)

// TestStores holds the store to the same promises wherever an organization's artifacts are:
// a further provider joins with a row.
func TestStores(t *testing.T) {
	t.Parallel()
	for name, backend := range map[string]func(*testing.T, *rig.Rig, org.ID) uuid.UUID{
		"managed": func(*testing.T, *rig.Rig, org.ID) uuid.UUID { return uuid.Nil },
		"own bucket": func(t *testing.T, r *rig.Rig, id org.ID) uuid.UUID {
			return r.OwnBackend(t, id, r.CustomerBucket(t, id)).ID
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rig.New(t, rig.Options{OwnBuckets: true, SinglePutMax: 12 << 20, ResumableMin: 5 << 20})
			id := r.Org(t)
			conformance(t, r.Store, cas.Ref{Org: id, Backend: backend(t, r, id)})
		})
	}
}

// conformance is what every store does with the artifacts of the organization and the
// backend of at.
func conformance(t *testing.T, store *cas.Store, at cas.Ref) {
	t.Helper()
	ref := func(content []byte) cas.Ref {
		return cas.Ref{Org: at.Org, Backend: at.Backend, Digest: digest.Of(content)}
	}
	read := func(a *cas.Artifact, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		got, err := io.ReadAll(a)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	label := cas.Label{FileName: "süß.json", MediaType: "application/json", Uploader: "ci/1"}
	for what, tc := range map[string]struct {
		content []byte
		length  int64
	}{
		"empty":          {nil, 0},
		"small":          {[]byte("hello\n"), 6},
		"small unknown":  {[]byte("hello, length\n"), cas.UnknownLength},
		"one request":    {bytes.Repeat([]byte("one"), 1<<20), 3 << 20},
		"parts":          {bytes.Repeat([]byte("parts"), 13<<18), 5 * 13 << 18},
		"parts, unknown": {bytes.Repeat([]byte("who knows"), 1<<20), cas.UnknownLength},
	} {
		for _, want := range []bool{true, false} {
			created, err := store.Put(t.Context(), ref(tc.content), tc.length, bytes.NewReader(tc.content), label)
			if err != nil || created != want {
				t.Fatalf("%s: created %v, %v, want %v", what, created, err, want)
			}
		}
		if got := read(store.Get(t.Context(), ref(tc.content))); !bytes.Equal(got, tc.content) {
			t.Errorf("%s: %d bytes came back, want %d", what, len(got), len(tc.content))
		}
		info, err := store.Stat(t.Context(), ref(tc.content))
		if err != nil || info.Size != int64(len(tc.content)) || info.FileName != label.FileName || info.MediaType != label.MediaType || info.Uploader != label.Uploader {
			t.Errorf("%s: %+v, %v", what, info, err)
		}
	}
	if got := read(store.GetRange(t.Context(), ref([]byte("hello\n")), cas.Range{Offset: 1, Length: 3})); string(got) != "ell" {
		t.Errorf("a range is %q", got)
	}
	absent := ref([]byte("absent"))
	_, statErr := store.Stat(t.Context(), absent)
	_, getErr := store.Get(t.Context(), absent)
	if !errors.Is(statErr, cas.ErrNotFound) || !errors.Is(getErr, cas.ErrNotFound) {
		t.Errorf("what is absent: %v, %v", statErr, getErr)
	}
	for what, length := range map[string]int64{"small": 6, "one request": 2 << 20, "parts": 13 << 20} {
		lie := bytes.Repeat([]byte("x"), int(length))
		if _, err := store.Put(t.Context(), absent, length, bytes.NewReader(lie), label); !errors.Is(err, digest.ErrMismatch) {
			t.Errorf("%s: a lie about the content: %v", what, err)
		}
	}
	if there, err := store.Exists(t.Context(), absent); there || err != nil {
		t.Errorf("a lie was stored: %v", err)
	}
	resumed(t, store, ref)
}

// resumed stores one in two appends, with a second look between them.
func resumed(t *testing.T, store *cas.Store, ref func([]byte) cas.Ref) {
	t.Helper()
	content, name := []byte(strings.Repeat("resumed ", 1<<20)), uuid.New()
	begun, err := store.BeginUpload(t.Context(), ref(content), name, int64(len(content)), cas.Label{})
	if err != nil || begun.Name != name {
		t.Fatalf("%+v, %v", begun, err)
	}
	const half = 5 << 20
	first, err := store.Append(t.Context(), ref(content), name, cas.Append{Body: bytes.NewReader(content[:half]), Length: half, Total: cas.UnknownLength})
	if err != nil || first.Offset != half {
		t.Fatalf("%+v, %v", first, err)
	}
	found, err := store.FindUpload(t.Context(), ref(content), name)
	if err != nil || found.Offset != half || found.Name != name {
		t.Errorf("%+v, %v", found, err)
	}
	last, err := store.Append(t.Context(), ref(content), name, cas.Append{
		Offset: half, Body: bytes.NewReader(content[half:]), Length: int64(len(content) - half), Last: true, Total: cas.UnknownLength,
	})
	if err != nil || !last.Complete {
		t.Errorf("%+v, %v", last, err)
	}
}

// The organization's objects are in its bucket under its own prefix, and nowhere else.
func TestAnOwnBucketHasItsArtifacts(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{OwnBuckets: true})
	id := r.Org(t)
	b := r.CustomerBucket(t, id)
	ref := cas.Ref{Org: id, Digest: digest.Of([]byte("ours")), Backend: r.OwnBackend(t, id, b).ID}
	if _, err := r.Store.Put(t.Context(), ref, 4, strings.NewReader("ours"), cas.Label{}); err != nil {
		t.Fatal(err)
	}
	if got, want := r.BucketKeys(t, b.Name), []string{id.String() + "/" + ref.Digest.String()}; !slices.Equal(got, want) {
		t.Errorf("the bucket has %q, want %q", got, want)
	}
	managed := ref
	managed.Backend = uuid.Nil
	if there, err := r.Store.Exists(t.Context(), managed); there || err != nil {
		t.Errorf("it is in the managed storage as well: %v", err)
	}
}

// Whoever names another organization's backend gets nothing from either.
func TestAnOwnBucketIsItsOrganizations(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{OwnBuckets: true, Reuse: 45 * time.Minute})
	acme, mallory := r.Org(t), r.Org(t)
	backend := r.OwnBackend(t, acme, r.CustomerBucket(t, acme))
	put := func(id org.ID, backend uuid.UUID) error {
		_, err := r.Store.Put(t.Context(), cas.Ref{Org: id, Digest: digest.Of([]byte("x")), Backend: backend}, 1, strings.NewReader("x"), cas.Label{})
		return err
	}
	if err := put(acme, backend.ID); err != nil {
		t.Fatal(err)
	}
	for what, id := range map[string]uuid.UUID{"acme's": backend.ID, "nobody's": uuid.New()} {
		if err := put(mallory, id); !errors.Is(err, session.ErrNoBackend) {
			t.Errorf("mallory with %s backend: %v", what, err)
		}
	}
	// The same coordinates in a record of her own: the role asks for acme's external id.
	stolen := backend.Bucket
	stolen.ExternalID, _ = r.DB.ExternalID(t.Context(), mallory)
	if err := put(mallory, r.OwnBackend(t, mallory, stolen).ID); !errors.Is(err, session.ErrBackend) {
		t.Errorf("mallory with acme's bucket and role: %v", err)
	}
	// What is recorded as invalid ends at once, whatever session is kept.
	if err := r.DB.RecordValidation(t.Context(), backend, "let us in", backend.CreatedAt, backend.CheckAt); err != nil {
		t.Fatal(err)
	}
	if err := put(acme, backend.ID); !errors.Is(err, session.ErrBackend) {
		t.Errorf("in an invalid backend: %v", err)
	}
	backend.Status = registry.BackendValid
	if err := r.DB.DeleteBackend(t.Context(), backend); err != nil {
		t.Fatal(err)
	}
	if err := put(acme, backend.ID); !errors.Is(err, session.ErrNoBackend) {
		t.Errorf("in a deleted backend: %v", err)
	}
}

// What an own bucket refuses is its organization's to repair: no client tries it again, and
// the operator's log is not where the cause is (DESIGN I12).
func TestI12_AnOwnBucketsRefusalsArePermanent(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{OwnBuckets: true})
	id := r.Org(t)
	b := r.CustomerBucket(t, id)
	stored := cas.Ref{Org: id, Digest: digest.Of([]byte("x")), Backend: r.OwnBackend(t, id, b).ID}
	if _, err := r.Store.Put(t.Context(), stored, 1, strings.NewReader("x"), cas.Label{}); err != nil {
		t.Fatal(err)
	}
	deny := func(actions ...string) {
		r.Permit(t, id, b, &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{
			{Effect: iam.Allow, Actions: []string{"s3:*"}, Resources: []string{"*"}},
			{Effect: iam.Deny, Actions: actions, Resources: []string{"*"}},
		}})
	}
	fresh := stored
	fresh.Digest = digest.Of([]byte("y"))
	long := bytes.Repeat([]byte("z"), 6<<20)
	parts := stored
	parts.Digest = digest.Of(long)
	for what, row := range map[string]struct {
		denied []string
		try    func() error
	}{
		"upload": {[]string{"s3:PutObject"}, func() error {
			_, err := r.Store.Put(t.Context(), fresh, 1, strings.NewReader("y"), cas.Label{})
			return err
		}},
		"upload in parts": {[]string{"s3:PutObject"}, func() error {
			_, err := r.Store.Put(t.Context(), parts, cas.UnknownLength, bytes.NewReader(long), cas.Label{})
			return err
		}},
		"beginning of a resumable one": {[]string{"s3:PutObject"}, func() error {
			_, err := r.Store.BeginUpload(t.Context(), parts, uuid.New(), int64(len(long)), cas.Label{})
			return err
		}},
		"download":    {[]string{"s3:GetObject"}, func() error { _, err := r.Store.Get(t.Context(), stored); return err }},
		"description": {[]string{"s3:GetObject"}, func() error { _, err := r.Store.Stat(t.Context(), stored); return err }},
		"look":        {[]string{"s3:ListBucket"}, func() error { _, err := r.Store.Exists(t.Context(), stored); return err }},
	} {
		deny(row.denied...)
		p := problem.From(cas.Problem(row.try()))
		if p == nil || p.Kind() != problem.Denied || !strings.Contains(p.Public(), "own bucket cannot be used") {
			t.Errorf("%s: %v", what, p)
		}
	}
}

// Uploads in a bucket that cannot be used any more expire all the same: what has arrived is
// left to the bucket's lifecycle rule, and nobody tries to abort them for ever.
func TestUploadsExpireInAnInvalidOwnBucket(t *testing.T) {
	t.Parallel()
	c := &clock{now: time.Now()}
	options := small()
	options.OwnBuckets, options.Now = true, c.read
	r := rig.New(t, options)
	id := r.Org(t)
	backend := r.OwnBackend(t, id, r.CustomerBucket(t, id))
	ref := cas.Ref{Org: id, Digest: digestOf("x"), Backend: backend.ID}
	name := begin(t, r.Store, ref, 1)
	if err := r.DB.RecordValidation(t.Context(), backend, "let us in", backend.CreatedAt, backend.CheckAt); err != nil {
		t.Fatal(err)
	}
	c.pass(25 * time.Hour)
	if err := r.Store.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
	backend.ValidationError = "let us in"
	if err := r.DB.RecordValidation(t.Context(), backend, "", backend.CreatedAt, backend.CheckAt); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Store.FindUpload(t.Context(), ref, name); !errors.Is(err, cas.ErrNoUpload) {
		t.Errorf("the upload afterwards: %v", err)
	}
}
