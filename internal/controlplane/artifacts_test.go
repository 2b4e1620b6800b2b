package controlplane_test

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// numbered makes entries; the times of every third are the same, some are whole seconds.
func numbered(id org.ID, from, n int) []registry.Artifact {
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	entries := make([]registry.Artifact, n)
	for i := range entries {
		number := from + i
		entries[i] = registry.Artifact{
			Org: id, Digest: digest.Of(binary.BigEndian.AppendUint32(nil, uint32(number))), Size: int64(number),
			StoredAt: begin.Add(time.Duration(number/3) * 50 * time.Millisecond),
		}
	}
	return entries
}

// Whoever follows the cursors sees everything that was there at the start, once and the
// newest first, while others store more: newer entries, and older ones from a rebuild.
func TestPagesHaveNoGapsAndNothingTwice(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	acme, globex := p.organization(t, "acme", org.Ready), p.organization(t, "globex", org.Ready)
	token := p.token(t, acme)
	const there = 10_000
	want := map[string]bool{}
	for from := 0; from < there; from += 500 {
		batch := numbered(acme.ID, 5000+from, 500)
		for _, a := range batch {
			want[a.Digest.String()] = true
		}
		if err := p.db.AddArtifacts(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.db.AddArtifacts(t.Context(), numbered(globex.ID, 0, 500)); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	last := time.Now()
	for cursor, pages := "", 0; ; pages++ {
		page, err := p.artifacts().List(as(t, token, ""), &managedcasv1.ArtifactServiceListRequest{Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range page.GetArtifacts() {
			if seen[a.GetDigest()] {
				t.Fatalf("%s twice", a.GetDigest())
			}
			seen[a.GetDigest()] = true
			if at := a.GetStoredAt().AsTime(); at.After(last) {
				t.Fatalf("%v after %v", at, last)
			} else {
				last = at
			}
		}
		if cursor = page.GetNextCursor(); cursor == "" {
			break
		}
		for _, from := range []int{50_000 + 10*pages, 10 * pages} { // newer and older than all
			if err := p.db.AddArtifacts(t.Context(), numbered(acme.ID, from, 10)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for d := range want {
		if !seen[d] {
			t.Errorf("%s was not listed", d)
		}
	}
}

// I1: the same digest in two organizations is two entries; a cursor of one shows nothing of
// the other.
func TestI1_ArtifactsOfTheCallersOrganization(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	acme, globex := p.organization(t, "acme", org.Ready), p.organization(t, "globex", org.Ready)
	shared, secret := numbered(acme.ID, 0, 1)[0], numbered(acme.ID, 1, 1)[0]
	shared.FileName, shared.MediaType, shared.Uploader = "acme's", "text/plain", "ci/1"
	twin := shared
	twin.Org, twin.FileName, twin.MediaType, twin.Size = globex.ID, "globex's", "", 7
	if err := p.db.AddArtifacts(t.Context(), []registry.Artifact{shared, secret, twin}); err != nil {
		t.Fatal(err)
	}
	mine, theirs := p.token(t, acme), p.token(t, globex)
	page, err := p.artifacts().List(as(t, mine, ""), &managedcasv1.ArtifactServiceListRequest{Limit: 1})
	if err != nil || len(page.GetArtifacts()) != 1 || page.GetNextCursor() == "" {
		t.Fatalf("%v, %v", page, err)
	}
	for _, request := range []*managedcasv1.ArtifactServiceListRequest{{}, {Limit: 1}, {Limit: 100}} {
		page, err := p.artifacts().List(as(t, theirs, ""), request)
		if err != nil || len(page.GetArtifacts()) != 1 || page.GetNextCursor() != "" {
			t.Fatalf("%v, %v", page, err)
		}
		a := page.GetArtifacts()[0]
		if a.GetDigest() != twin.Digest.String() || a.GetFileName() != "globex's" || a.GetSize() != 7 ||
			a.GetMediaType() != "application/octet-stream" || a.GetUploader() != "ci/1" || !a.GetStoredAt().AsTime().Equal(twin.StoredAt) {
			t.Errorf("%v", a)
		}
	}
	other, err := p.artifacts().List(as(t, theirs, ""), &managedcasv1.ArtifactServiceListRequest{Cursor: page.GetNextCursor()})
	for _, a := range other.GetArtifacts() {
		if err != nil || a.GetFileName() != "globex's" {
			t.Errorf("with acme's cursor: %v, %v", a, err)
		}
	}
	missing, err := p.artifacts().FindMissing(as(t, theirs, ""), &managedcasv1.ArtifactServiceFindMissingRequest{
		Digests: []string{secret.Digest.String(), twin.Digest.String(), secret.Digest.String()},
	})
	if err != nil || strings.Join(missing.GetDigests(), " ") != secret.Digest.String() {
		t.Errorf("%v, %v", missing, err)
	}
}

// Both sides of every limit.
func TestLimitsOfArtifacts(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	token := p.token(t, p.organization(t, "acme", org.Ready))
	for limit, want := range map[int32]codes.Code{-1: codes.InvalidArgument, 0: codes.OK, 1: codes.OK, 100: codes.OK, 101: codes.InvalidArgument} {
		_, err := p.artifacts().List(as(t, token, ""), &managedcasv1.ArtifactServiceListRequest{Limit: limit})
		wantCode(t, "a limit", err, want)
	}
	encode := func(at uint64, rest string) string {
		return base64.RawURLEncoding.EncodeToString(append(binary.BigEndian.AppendUint64(nil, at), rest...))
	}
	some := digest.Of(nil).Hex()
	for cursor, want := range map[string]codes.Code{
		encode(1, some): codes.OK, "!": codes.InvalidArgument, "AAAA": codes.InvalidArgument, encode(1, ""): codes.InvalidArgument,
		encode(1, some+"0"): codes.InvalidArgument, encode(1<<63, some): codes.InvalidArgument, encode(1<<63-1, some): codes.InvalidArgument,
	} {
		_, err := p.artifacts().List(as(t, token, ""), &managedcasv1.ArtifactServiceListRequest{Cursor: cursor})
		wantCode(t, "cursor "+cursor, err, want)
	}
	var digests []string
	for _, a := range numbered(org.NewID(), 0, 1001) {
		digests = append(digests, a.Digest.String())
	}
	missing, err := p.artifacts().FindMissing(as(t, token, ""), &managedcasv1.ArtifactServiceFindMissingRequest{Digests: digests[:1000]})
	if err != nil || len(missing.GetDigests()) != 1000 || missing.GetDigests()[999] != digests[999] {
		t.Errorf("1,000 digests: %d, %v", len(missing.GetDigests()), err)
	}
	_, err = p.artifacts().FindMissing(as(t, token, ""), &managedcasv1.ArtifactServiceFindMissingRequest{Digests: digests})
	wantCode(t, "1,001 digests", err, codes.InvalidArgument)
	_, err = p.artifacts().FindMissing(as(t, token, ""), &managedcasv1.ArtifactServiceFindMissingRequest{Digests: []string{some}})
	wantCode(t, "a digest without its prefix", err, codes.InvalidArgument)
}
