package reconcile_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/emulator/podidentity"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/session"
)

// objects opens an organization's objects as the cas workload does: with its own
// identity, the stored coordinates and a session.
func (w *world) objects(t *testing.T, id org.ID) *awscloud.Objects {
	t.Helper()
	access, err := w.aws.PodIdentity().Associate(podidentity.Association{
		Cluster: "c", Namespace: "n", ServiceAccount: "cas", RoleARN: w.in.CASRoleARN(),
	})
	if err != nil {
		t.Fatal(err)
	}
	cas := w.cloud(t, awscloud.ContainerCredentials(w.endpoint+access.Path, access.AuthorizationToken), w.network)
	sessions, err := session.New(session.Config{Installation: w.in, STS: cas, Secrets: w.secrets})
	if err != nil {
		t.Fatal(err)
	}
	s, err := sessions.For(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return cas.Objects(s)
}

// Ready means usable: the cas identity gets a session with the stored coordinates and
// stores artifacts with it; and not one of another organization's.
func TestReadyMeansUsable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.reconciler(t, w.network)
	own, other := w.organization(t), w.organization(t)
	for _, o := range []org.Organization{own, other} {
		if err := r.Reconcile(t.Context(), o.ID); err != nil {
			t.Fatal(err)
		}
	}

	content := []byte("an artifact")
	d := digest.Of(content)
	key := w.in.Tenant(own.ID).ObjectKey(d)
	mine := w.objects(t, own.ID)
	if exists, err := mine.Exists(t.Context(), key); err != nil || exists {
		t.Fatalf("before: %t, %v", exists, err)
	}
	if err := mine.Put(t.Context(), key, d, int64(len(content)), bytes.NewBuffer(content), cas.Label{FileName: "a.txt"}); err != nil {
		t.Fatal(err)
	}
	if err := mine.Put(t.Context(), key, d, int64(len(content)), bytes.NewReader(content), cas.Label{FileName: "a.txt"}); !errors.Is(err, cloud.ErrExists) {
		t.Errorf("I4, stored again: %v", err)
	}
	lie := digest.Of([]byte("something else"))
	if err := mine.Put(t.Context(), w.in.Tenant(own.ID).ObjectKey(lie), lie, int64(len(content)), bytes.NewReader(content), cas.Label{}); !errors.Is(err, cloud.ErrBadDigest) {
		t.Errorf("I3, a lie: %v", err)
	}
	body, info, err := mine.Get(t.Context(), key, cas.Range{}, "")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(body)
	_ = body.Close()
	if err != nil || !bytes.Equal(raw, content) || info.FileName != "a.txt" || info.KMSKeyARN != w.in.KMSKeyARN {
		t.Errorf("read %q, %+v, %v", raw, info, err)
	}
	if exists, err := mine.Exists(t.Context(), key); err != nil || !exists {
		t.Errorf("after: %t, %v", exists, err)
	}
	if _, err := w.objects(t, other.ID).Stat(t.Context(), key); !errors.Is(err, cloud.ErrDenied) {
		t.Errorf("I8, another organization's session: %v", err)
	}
}

// I3: in parts, what S3 assembled has the checksum of what was sent.
func TestMultipart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.organization(t)
	if err := w.reconciler(t, w.network).Reconcile(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	objects := w.objects(t, o.ID)
	parts := [][]byte{bytes.Repeat([]byte("a"), 5<<20), bytes.Repeat([]byte("b"), 5<<20), []byte("c")}
	content := bytes.Join(parts, nil)
	key := w.in.Tenant(o.ID).ObjectKey(digest.Of(content))
	for _, want := range []error{nil, cloud.ErrExists} {
		id, err := objects.Begin(t.Context(), key, cas.Label{FileName: "big"})
		if err != nil {
			t.Fatal(err)
		}
		var sent []cas.SentPart
		for i, part := range parts {
			p, err := objects.SendPart(t.Context(), key, id, cas.Part{Number: i + 1, Size: int64(len(part)), Body: bytes.NewReader(part)})
			if err != nil {
				t.Fatal(err)
			}
			sent = append(sent, p)
		}
		if err := objects.Complete(t.Context(), key, id, sent); !errors.Is(err, want) {
			t.Errorf("completed: %v, want %v", err, want)
		}
		if want != nil {
			if err := objects.Abort(t.Context(), key, id); err != nil {
				t.Errorf("aborted: %v", err)
			}
		}
	}
	body, info, err := objects.Get(t.Context(), key, cas.Range{}, "")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(body)
	_ = body.Close()
	if err != nil || !bytes.Equal(raw, content) || info.Size != int64(len(content)) || info.FileName != "big" {
		t.Errorf("read %d bytes, %+v, %v", len(raw), info, err)
	}
}
