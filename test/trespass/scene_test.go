package trespass

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/emulator/journal"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
	"github.com/managedcas/managedcas/test/rig"
)

// scene is two organizations with an artifact and an unfinished upload each, and a thief
// with the first one's session.
type scene struct {
	rig          *rig.Rig
	thief        thief
	mine, theirs tenancy.Tenant
	content      []byte
	digest       digest.Digest
	key          string // theirs, as all that follows
	alias        string
	upload       string
	own          struct{ key, upload string }
}

func newScene(t *testing.T, mode tenancy.SessionPolicyMode) *scene {
	t.Helper()
	r := rig.New(t, rig.Options{Mode: mode})
	s := &scene{rig: r}
	mine, theirs := r.Session(t, r.Org(t)), r.Session(t, r.Org(t))
	s.mine, s.theirs = mine.Tenant, theirs.Tenant
	s.thief = s.with(mine)
	s.own.key, s.own.upload, _ = s.store(t, mine)
	s.key, s.upload, s.content = s.store(t, theirs)
	s.digest = digest.Of(s.content)
	s.alias = r.Alias(t, s.theirs.ID())
	return s
}

func (s *scene) with(of session.Session) thief {
	c := of.Credentials
	return thief{
		credentials: aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken},
		address:     strings.TrimPrefix(s.rig.Endpoint(), "http://"),
		region:      s.rig.Installation.Region,
	}
}

// store puts an artifact and begins an upload. That the upload begins shows that what the
// thief sends is what AWS accepts.
func (s *scene) store(t *testing.T, of session.Session) (key, upload string, content []byte) {
	t.Helper()
	content, d := rig.Content(64)
	if _, err := s.rig.Store.Put(t.Context(), cas.Ref{Org: of.Tenant.ID(), Digest: d}, int64(len(content)), bytes.NewReader(content), cas.Label{FileName: "artifact"}); err != nil {
		t.Fatal(err)
	}
	key = of.Tenant.ObjectKey(d)
	began := s.with(of).send(t, request{method: "POST", target: "/" + key + "-upload?uploads", host: s.apHost(of.Tenant)})
	_, rest, _ := strings.Cut(began.body, "<UploadId>")
	upload, _, ok := strings.Cut(rest, "<")
	if !ok {
		t.Fatalf("%d %s", began.status, began.body)
	}
	return key, upload, content
}

func (s *scene) apHost(of tenancy.Tenant) string {
	return of.APName() + "-" + s.rig.Installation.AccountID + ".s3-accesspoint." + s.rig.Installation.Region + ".amazonaws.com"
}

// try sends a request and reports what must not be in its answer.
func (s *scene) try(t *testing.T, name string, q request) {
	t.Helper()
	got := s.thief.send(t, q)
	// Answers other than to GET repeat the key that they were asked about.
	tells := strings.Contains(got.body, string(s.content)) || strings.Contains(got.body, s.upload) || q.method == "GET" && strings.Contains(got.body, s.digest.String())
	if got.status < 300 && tells {
		t.Errorf("%s: %s %s at %s is answered with %d: %s", name, q.method, q.target, q.host, got.status, got.body)
	}
	if got.status >= 500 && got.status != 501 {
		t.Errorf("%s: %s %s at %s: %d %s", name, q.method, q.target, q.host, got.status, got.body)
	}
}

// intact checks that the other organization has what it had, and that nothing that AWS
// did for the thief was about anything but the thief's own.
func (s *scene) intact(t *testing.T) {
	t.Helper()
	refused := 0
	for _, e := range s.rig.AWS.Journal().Entries(journal.Filter{}) {
		if e.AccessKeyID != s.thief.credentials.AccessKeyID {
			continue
		}
		own := strings.HasPrefix(e.Resource, s.mine.APARN()+"/object/"+s.mine.KeyPrefix()) || e.Resource == s.mine.APARN()
		switch {
		case e.Status >= 300:
			refused++
			if e.Code == "SignatureDoesNotMatch" {
				t.Errorf("%s of %q was not signed in the form in which it was understood", e.Operation, e.Resource)
			}
		case own, e.Operation == "DeleteObjects": // whose answer is 200 also when it did nothing
		default:
			t.Errorf("%s of %q was done: %d", e.Operation, e.Resource, e.Status)
		}
	}
	if refused == 0 {
		t.Error("nothing was refused: the attempts did not arrive")
	}
	artifact, err := s.rig.Store.Get(t.Context(), cas.Ref{Org: s.theirs.ID(), Digest: s.digest})
	if err != nil {
		t.Fatalf("their artifact: %v", err)
	}
	if err := artifact.Close(); err != nil {
		t.Error(err)
	}
	if !slices.Contains(s.rig.Uploads(t), s.key+"-upload") {
		t.Error("their upload is gone")
	}
	for _, key := range s.rig.Objects(t) {
		if key != s.key && !strings.HasPrefix(key, s.mine.KeyPrefix()) {
			t.Errorf("there is an object %q", key)
		}
	}
}
