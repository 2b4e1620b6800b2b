package casgate_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/grpc/metadata"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/auditlog"
	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
	"github.com/managedcas/managedcas/test/rig"
)

// records waits until a chain has n records that the data path writes, and returns them.
func (s *site) records(t *testing.T, of audit.Chain, n int) []audit.Record {
	t.Helper()
	look, enough := time.NewTicker(2*time.Millisecond), time.After(time.Minute)
	defer look.Stop()
	for {
		all, err := s.DB.AuditRecords(t.Context(), of, 1, 1000, audit.Query{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		all = slices.DeleteFunc(all, func(r audit.Record) bool { return !strings.HasPrefix(r.Action, "artifact.") })
		if len(all) >= n {
			return all
		}
		select {
		case <-look.C:
		case <-enough:
			t.Fatalf("%d records, want %d: %+v", len(all), n, all)
		}
	}
}

func (s *site) send(t *testing.T, r *http.Request, want int) *http.Response {
	t.Helper()
	resp, err := s.http.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != want {
		t.Fatalf("%s %s: %d, want %d", r.Method, r.URL, resp.StatusCode, want)
	}
	return resp
}

// Every transfer, over both protocols, is a record of its organization, with who, what,
// how much and how it ended; a question that is answered is none.
func TestTransfersAreAudited(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{MaxBytes: 4096})
	id := s.Org(t)
	content, d := rig.Content(1000)
	_, other := rig.Content(32)
	big, bigDigest := rig.Content(4097)
	as := func(g cas.Grant) cas.Grant { g.Subject = "ci/1"; return g }

	put := s.request(t, http.MethodPut, d, as(uploader(id)), bytes.NewReader(content))
	put.Header.Set("Content-Disposition", `attachment; filename="a b.json"`)
	put.Header.Set("User-Agent", "agent\u202e"+strings.Repeat("x", 300))
	requestID := s.send(t, put, http.StatusCreated).Header.Get("Managedcas-Request-Id")
	s.send(t, s.request(t, http.MethodHead, d, as(uploader(id)), nil), http.StatusOK) // no record
	s.send(t, s.request(t, http.MethodGet, d, as(downloader(id, d)), nil), http.StatusOK)
	s.send(t, s.request(t, http.MethodGet, other, as(downloader(id, d)), nil), http.StatusForbidden)
	s.send(t, s.request(t, http.MethodPut, bigDigest, as(uploader(id)), bytes.NewReader(big)), http.StatusRequestEntityTooLarge)
	s.send(t, s.request(t, http.MethodPut, other, as(uploader(id)), bytes.NewReader(content)), http.StatusBadRequest) // its digest is wrong
	s.send(t, s.request(t, http.MethodHead, d, as(downloader(id, other)), nil), http.StatusForbidden)
	stream, err := bytestream.NewByteStreamClient(s.conn).Read(s.Bearer(t, t.Context(), as(downloader(id, other))), &bytestream.ReadRequest{ResourceName: d.Hex()})
	if err == nil {
		_, err = stream.Recv()
	}
	if err == nil {
		t.Error("the wrong artifact was read")
	}
	ctx := s.Bearer(t, t.Context(), as(uploader(id)))
	if _, err := managedcasv1.NewDirectTransferServiceClient(s.conn).Presign(ctx, &managedcasv1.PresignRequest{
		Digest: other.Hex(), Operation: managedcasv1.PresignRequest_OPERATION_UPLOAD, Size: 32, FileName: "direct",
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := managedcasv1.NewDirectTransferServiceClient(s.conn).Confirm(ctx, &managedcasv1.ConfirmRequest{Digest: other.Hex()}); err == nil {
		t.Fatal("what never came is confirmed")
	}

	type row struct {
		action  string
		outcome audit.Outcome
		reason  string
		object  string
	}
	stored, asked := "artifact/"+d.String(), "asked/"
	want := []row{
		{audit.ArtifactUpload, audit.Done, "", stored},
		{audit.ArtifactDownload, audit.Done, "", stored},
		{audit.ArtifactDownload, audit.Denied, "PERMISSION_DENIED", asked + other.String()},
		{audit.ArtifactUpload, audit.Denied, "CONTENT_TOO_LARGE", asked + bigDigest.String()},
		{audit.ArtifactUpload, audit.Failed, "INVALID_ARGUMENT", "artifact/" + other.String()},
		{audit.ArtifactDescribe, audit.Denied, "PERMISSION_DENIED", asked + d.String()},
		{audit.ArtifactDownload, audit.Denied, "PERMISSION_DENIED", asked + d.Hex()},
		{audit.ArtifactSign, audit.Done, "", "artifact/" + other.String()},
		{audit.ArtifactConfirm, audit.Failed, "NOT_FOUND", "artifact/" + other.String()},
	}
	// A client has the last byte of a download before its record is made: what it asks next
	// may be recorded first. So the records are a set here, each found by what it says.
	found := map[row]audit.Record{}
	for i, r := range s.records(t, audit.Of(id), len(want)) {
		got := row{r.Action, r.Outcome, r.Reason, r.Object}
		if _, twice := found[got]; twice || !slices.Contains(want, got) {
			t.Errorf("%d is %+v", i, got)
		}
		found[got] = r
		text := fmt.Sprintf("%+v", r)
		if r.Subject != "ci/1" || r.Kind != audit.CASToken || r.Details["token"] == "" || strings.Contains(text, "arn:") || strings.Contains(text, "eyJ") || strings.Contains(text, "X-Amz") {
			t.Errorf("%d is %s", i, text)
		}
	}
	for _, w := range want {
		if _, there := found[w]; !there {
			t.Errorf("no record of %+v", w)
		}
	}
	up := found[want[0]]
	if up.Details["file"] != "a b.json" || up.Details["size"] != "1000" || up.Details["bytes"] != "1000" || up.Details["created"] != "true" ||
		up.RemoteIP != "127.0.0.1" || up.RequestID != requestID || len(up.UserAgent) > audit.MaxText || strings.Contains(up.UserAgent, "\u202e") {
		t.Errorf("%+v", up)
	}
	if down := found[want[1]]; down.Details["bytes"] != "1000" || down.Details["protocol"] != "http" {
		t.Errorf("%+v", down)
	}
}

// What strangers send is counted in the installation's chain, without what they showed.
func TestStrangersAreAudited(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{Audit: auditlog.Config{Window: 20 * time.Millisecond}})
	_, d := rig.Content(10)
	id := s.Org(t)
	for range 50 {
		r := s.request(t, http.MethodGet, d, downloader(id, d), nil)
		r.Header.Set("Authorization", "Bearer stolen.token.text")
		s.send(t, r, http.StatusUnauthorized)
		if stream, err := bytestream.NewByteStreamClient(s.conn).Read(t.Context(), &bytestream.ReadRequest{ResourceName: d.Hex()}); err == nil {
			if _, err := stream.Recv(); err == nil {
				t.Error("read without a token")
			}
		}
	}
	r := s.records(t, audit.Installation, 2)
	if r[0].Kind != audit.Unknown || r[0].Outcome != audit.Denied || r[0].Reason != "UNAUTHENTICATED" || strings.Contains(fmt.Sprintf("%+v", r), "stolen") {
		t.Errorf("%+v", r[0])
	}
	if n := s.Audit.Stats().Counted; n != 100 {
		t.Errorf("%d were counted, want 100", n)
	}
}

// awayAudit is a database that takes no audit records until it is told to.
type awayAudit struct {
	auditlog.Store
	back chan struct{}
}

func (a *awayAudit) AppendAudit(ctx context.Context, events []audit.Event) error {
	select {
	case <-a.back:
		return a.Store.AppendAudit(ctx, events)
	default:
		return errors.New("the database is away")
	}
}

// While transfers cannot be recorded, as many happen as there is room for, and then none;
// nobody waits for the database; afterwards each has its record. An organization has half of
// the room, and another one what is left.
func TestUnauditedTransfersAreRefused(t *testing.T) {
	t.Parallel()
	away := &awayAudit{back: make(chan struct{})}
	s := newSite(t, rig.Options{Audit: auditlog.Config{Store: away, MaxQueue: 6, Retry: time.Millisecond}})
	away.Store = s.DB // before the first transfer
	id := s.Org(t)
	var digests []digest.Digest
	upload := func(want int) *http.Response {
		content, d := rig.Content(10)
		digests = append(digests, d)
		return s.send(t, s.request(t, http.MethodPut, d, uploader(id), bytes.NewReader(content)), want)
	}
	for range 3 {
		upload(http.StatusCreated)
	}
	if resp := upload(http.StatusServiceUnavailable); resp.Header.Get("Retry-After") == "" {
		t.Errorf("%v", resp.Header)
	}
	ctx := metadata.NewOutgoingContext(t.Context(), metadata.Pairs("authorization", "Bearer "+s.Token(t, downloader(id, digests[0]))))
	stream, err := bytestream.NewByteStreamClient(s.conn).Read(ctx, &bytestream.ReadRequest{ResourceName: digests[0].Hex()})
	if err == nil {
		_, err = stream.Recv()
	}
	if err == nil || !strings.Contains(err.Error(), "cannot be recorded") {
		t.Errorf("a download: %v", err)
	}
	content, d := rig.Content(10)
	s.send(t, s.request(t, http.MethodPut, d, uploader(s.Org(t)), bytes.NewReader(content)), http.StatusCreated)
	if n := len(s.Objects(t)); n < 4 {
		t.Errorf("%d objects", n)
	}
	close(away.back)
	for i, r := range s.records(t, audit.Of(id), 3) {
		if r.Object != "artifact/"+digests[i].String() {
			t.Errorf("%d is %s", i, r.Object)
		}
	}
	// A record can be read before the place that it had is free again.
	rig.Eventually(t, "nothing waits for the database", func() bool { return s.Audit.Stats().Queued == 0 })
	upload(http.StatusCreated)
	s.records(t, audit.Of(id), 4)
}

// Over HTTP, too, a record says why in the word that the client was told: a status stands for
// many of them.
func TestRecordsOfHTTPSayWhy(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{})
	id := s.Org(t)
	if _, err := s.DB.SetOrganizationState(t.Context(), id, org.Degraded, "access point is on another bucket"); err != nil {
		t.Fatal(err)
	}
	s.Break(t, id)
	content, d := rig.Content(100)
	s.send(t, s.request(t, http.MethodPut, d, uploader(id), bytes.NewReader(content)), http.StatusForbidden)
	if r := s.records(t, audit.Of(id), 1)[0]; r.Reason != "CAS_BACKEND_ERROR_REASON_INVALID" || r.Outcome != audit.Denied {
		t.Errorf("%+v", r)
	}
}
