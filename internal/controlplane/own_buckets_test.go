package controlplane_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/controlplane"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/tenancy"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// asked is a validator that says what it is told to, and remembers what it was asked.
type asked struct {
	finding string
	open    string // what it finds of others who get in
	buckets []tenancy.OwnBucket
}

func (a *asked) Guarded(context.Context, org.ID, tenancy.OwnBucket) (string, error) {
	return a.open, nil
}

func (a *asked) Validate(_ context.Context, _ org.ID, b tenancy.OwnBucket) (string, error) {
	a.buckets = append(a.buckets, b)
	return a.finding, nil
}

const customerRole = "arn:aws:iam::999999999999:role/managedcas/artifacts"

// ownPlane is a control plane where organizations may bring buckets.
func ownPlane(t *testing.T, v *asked) *plane {
	t.Helper()
	in, err := tenancy.New(tenancy.Installation{
		AccountID: "111122223333", Region: "eu-west-1", BucketName: "secret-shared-bucket", APPrefix: "cas-",
		KMSKeyARN:    "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555",
		BaseRoleName: "tenant", SessionPolicyPrefix: "cas-", BackendRoleName: "backend", ControlplaneRoleName: "controlplane",
		OwnBucketRoles: []string{"arn:aws:iam::*:role/managedcas/*"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return newPlaneOf(t, func(cfg *controlplane.Config) {
		cfg.OwnBuckets = &controlplane.OwnBuckets{Installation: in, Validator: v, Interval: time.Hour}
	})
}

func credentialsOf(t *testing.T, fields map[string]any) *structpb.Struct {
	t.Helper()
	s, err := structpb.NewStruct(fields)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func good(t *testing.T) *controlplanev1.CASBackendServiceCreateRequest {
	t.Helper()
	return &controlplanev1.CASBackendServiceCreateRequest{
		Name: "ours", Provider: "AWS-S3", Location: "acme-artifacts",
		Credentials: credentialsOf(t, map[string]any{"region": "eu-central-1", "roleArn": customerRole}),
	}
}

func TestCreateBackendRefuses(t *testing.T) {
	t.Parallel()
	v := &asked{}
	p := ownPlane(t, v)
	p.organization(t, "acme", org.Ready)
	ctx := as(t, p.token(t, org.Organization{}), "acme")
	type request = controlplanev1.CASBackendServiceCreateRequest
	limit := func(n int64) func(*request) { return func(r *request) { r.MaxBytes = &n } }
	credentials := func(fields map[string]any) func(*request) {
		return func(r *request) { r.Credentials = credentialsOf(t, fields) }
	}
	for what, tc := range map[string]struct {
		change func(*request)
		says   string
	}{
		"OCI":                     {func(r *request) { r.Provider = "OCI" }, "no provider"},
		"Azure":                   {func(r *request) { r.Provider = "AzureBlob" }, "no provider"},
		"an access point":         {func(r *request) { r.Provider = "AWS-S3-ACCESS-POINT" }, "no provider"},
		"inline":                  {func(r *request) { r.Provider = "INLINE" }, "no provider"},
		"a reserved name":         {func(r *request) { r.Name = "chainloop-cloud-storage" }, "reserved"},
		"no name":                 {func(r *request) { r.Name = "" }, "not a name"},
		"a long name":             {func(r *request) { r.Name = strings.Repeat("a", 64) }, "not a name"},
		"an upper-case name":      {func(r *request) { r.Name = "Ours" }, "not a name"},
		"default and fallback":    {func(r *request) { r.Default, r.Fallback = true, true }, "both"},
		"too small a limit":       {limit(10<<20 - 1), "out of range"},
		"too large a limit":       {limit(maxArtifact + 1), "out of range"},
		"a long description":      {func(r *request) { r.Description = strings.Repeat("x", 256) }, "description"},
		"two lines":               {func(r *request) { r.Description = "a\nb" }, "description"},
		"no credentials":          {func(r *request) { r.Credentials = nil }, "external id managedcas-"},
		"no role":                 {credentials(map[string]any{"region": "eu-west-1"}), "external id managedcas-"},
		"access keys":             {credentials(map[string]any{"accessKeyID": "AKIA", "secretAccessKey": "hunter2"}), "access keys are not accepted"},
		"a chosen external id":    {credentials(map[string]any{"region": "eu-west-1", "roleArn": customerRole, "externalId": "mine"}), "not one to be chosen"},
		"a number":                {credentials(map[string]any{"region": 1}), "not a text"},
		"an unknown credential":   {credentials(map[string]any{"endpoint": "http://169.254.169.254"}), "no credential"},
		"no Region":               {credentials(map[string]any{"region": "here", "roleArn": customerRole}), "region"},
		"another role":            {credentials(map[string]any{"region": "eu-west-1", "roleArn": "arn:aws:iam::999999999999:role/admin"}), "this role cannot be used"},
		"a role of our account":   {credentials(map[string]any{"region": "eu-west-1", "roleArn": "arn:aws:iam::111122223333:role/managedcas/x"}), "this role cannot be used"},
		"a pattern":               {credentials(map[string]any{"region": "eu-west-1", "roleArn": "arn:aws:iam::999999999999:role/managedcas/*"}), "roleArn"},
		"our bucket":              {func(r *request) { r.Location = "secret-shared-bucket" }, "cannot be used"},
		"an ARN as a bucket":      {func(r *request) { r.Location = "arn:aws:s3:::b" }, "bucket name"},
		"a bucket with a slash":   {func(r *request) { r.Location = "acme/other" }, "bucket name"},
		"an access point's alias": {func(r *request) { r.Location = "acme-s3alias" }, "bucket name"},
	} {
		req := good(t)
		tc.change(req)
		_, err := p.backends().Create(ctx, req)
		if s := status.Convert(err); s.Code() != codes.InvalidArgument || !strings.Contains(s.Message(), tc.says) {
			t.Errorf("%s: %v, want %q", what, err, tc.says)
		}
		if strings.Contains(p.log.String(), "hunter2") {
			t.Errorf("%s: a key is in the log", what)
		}
	}
	if len(v.buckets) > 0 {
		t.Errorf("%v were tried", v.buckets)
	}
	v.finding = "let us in"
	if _, err := p.backends().Create(ctx, good(t)); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "let us in") {
		t.Errorf("a bucket that cannot be used: %v", err)
	}
	v.finding, v.open = "", "others get in"
	if _, err := p.backends().Create(ctx, good(t)); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "others get in") {
		t.Errorf("a role that lets in others: %v", err)
	}
	v.open = ""
	for name, n := range map[string]int64{"ours-least": 10 << 20, "ours-most": maxArtifact} { // both ends of what is allowed
		req := good(t)
		req.Name, req.MaxBytes = name, &n
		resp, err := p.backends().Create(ctx, req)
		if err != nil || resp.GetResult().GetLimits().GetMaxBytes() != n || resp.GetResult().GetLocation() != "acme-artifacts" || resp.GetResult().GetProvider() != "AWS-S3" {
			t.Errorf("%v, %v", resp, err)
		}
		if _, err := p.backends().Create(ctx, req); status.Code(err) != codes.AlreadyExists {
			t.Errorf("twice: %v", err)
		}
	}
	if off := newPlane(t); off.organization(t, "acme", org.Ready).Name == "acme" {
		_, err := off.backends().Create(as(t, off.token(t, org.Organization{}), "acme"), good(t))
		if status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "cas.ownBuckets") {
			t.Errorf("where own buckets are off: %v", err)
		}
	}
}

// The five leaks of facts WIRE §9, as far as they are here: (a) the managed backend is
// refused before anybody looks at credentials; (b) no answer has a coordinate of it; (c) nor
// has a token; (e) nor has the log. Audit events (d) have the ids of backends alone.
func TestI10_TheManagedBackendIsNotTouched(t *testing.T) {
	t.Parallel()
	v := &asked{finding: "arn:aws:s3:eu-west-1:111122223333:accesspoint/cas-x says no"}
	p := ownPlane(t, v)
	acme := p.organization(t, "acme", org.Ready)
	p.move(t, acme, org.Degraded, "access point arn:aws:s3:eu-west-1:111122223333:accesspoint/cas-x is gone")
	ctx := as(t, p.token(t, org.Organization{}), "acme")
	const managed = tenancy.StorageBackendName
	given := credentialsOf(t, map[string]any{"region": "eu-west-1", "roleArn": customerRole})
	text, n, yes, no := "mine", int64(20<<20), true, false
	for what, req := range map[string]*controlplanev1.CASBackendServiceUpdateRequest{
		"credentials":             {Name: managed, Credentials: given},
		"credentials and default": {Name: managed, Credentials: given, Default: &yes},
		"bad credentials":         {Name: managed, Credentials: credentialsOf(t, map[string]any{"accessKeyID": "x"}), Default: &yes},
		"description":             {Name: managed, Description: &text, Default: &yes},
		"limit":                   {Name: managed, MaxBytes: &n, Default: &yes},
		"fallback":                {Name: managed, Fallback: &no, Default: &yes},
		"no longer the default":   {Name: managed, Default: &no},
		"nothing":                 {Name: managed},
	} {
		_, err := p.backends().Update(ctx, req)
		if s := status.Convert(err); s.Code() != codes.FailedPrecondition || strings.Contains(s.Message(), "arn:") {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, deleted := p.backends().Delete(ctx, &controlplanev1.CASBackendServiceDeleteRequest{Name: managed})
	_, revalidated := p.backends().Revalidate(ctx, &controlplanev1.CASBackendServiceRevalidateRequest{Name: managed})
	wantCode(t, "delete", deleted, codes.FailedPrecondition)
	wantCode(t, "revalidate", revalidated, codes.FailedPrecondition)
	if len(v.buckets) > 0 {
		t.Errorf("%v were tried", v.buckets)
	}
	again, err := p.backends().Update(ctx, &controlplanev1.CASBackendServiceUpdateRequest{Name: managed, Default: &yes})
	if err != nil || !again.GetResult().GetDefault() {
		t.Errorf("made the default again: %v, %v", again, err)
	}
	list, err := p.backends().List(ctx, &controlplanev1.CASBackendServiceListRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for where, text := range map[string]string{"list": list.String(), "update": again.String(), "log": p.log.String()} {
		for _, secret := range []string{"arn:aws:s3", "secret-shared-bucket", "accesspoint"} {
			if strings.Contains(text, secret) {
				t.Errorf("the %s has %q: %s", where, secret, text)
			}
		}
	}
}

// Another organization's backends are not there, by name; who is told the external id of
// one is not told that of another.
func TestBackendsBelongToTheCallersOrganization(t *testing.T) {
	t.Parallel()
	p := ownPlane(t, &asked{})
	p.organization(t, "acme", org.Ready)
	p.organization(t, "mallory", org.Ready)
	instance := p.token(t, org.Organization{})
	if _, err := p.backends().Create(as(t, instance, "acme"), good(t)); err != nil {
		t.Fatal(err)
	}
	mallory, yes := as(t, instance, "mallory"), true
	_, updated := p.backends().Update(mallory, &controlplanev1.CASBackendServiceUpdateRequest{Name: "ours", Default: &yes})
	_, deleted := p.backends().Delete(mallory, &controlplanev1.CASBackendServiceDeleteRequest{Name: "ours"})
	_, revalidated := p.backends().Revalidate(mallory, &controlplanev1.CASBackendServiceRevalidateRequest{Name: "ours"})
	for what, err := range map[string]error{"update": updated, "delete": deleted, "revalidate": revalidated} {
		wantCode(t, what, err, codes.NotFound)
	}
	describe := managedcasv1.NewOwnBucketServiceClient(p.conn).Describe
	hers, err := describe(mallory, &managedcasv1.OwnBucketServiceDescribeRequest{Bucket: "b-1"})
	if err != nil {
		t.Fatal(err)
	}
	ours, err := describe(as(t, instance, "acme"), &managedcasv1.OwnBucketServiceDescribeRequest{})
	if err != nil || ours.GetExternalId() == hers.GetExternalId() || !strings.Contains(ours.GetTrustPolicy(), ours.GetExternalId()) || ours.GetPermissionPolicy() != "" {
		t.Errorf("%v, %v", ours, err)
	}
	if _, err := describe(mallory, &managedcasv1.OwnBucketServiceDescribeRequest{Bucket: "b/*"}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a policy for any bucket: %v", err)
	}
}

// Tokens are for where an artifact is: an upload goes to the default, a download to the
// backend that has it.
func TestCredentialsAreForTheBackendThatHasTheArtifact(t *testing.T) {
	t.Parallel()
	v := &asked{}
	p := ownPlane(t, v)
	acme := p.organization(t, "acme", org.Ready)
	ctx := as(t, p.token(t, org.Organization{}), "acme")
	req := good(t)
	req.Default = true
	created, err := p.backends().Create(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	own := uuid.MustParse(created.GetResult().GetId())
	inOwn, inManaged, lost, unknown := digest.Of([]byte("own")), digest.Of([]byte("managed")), digest.Of([]byte("lost")), digest.Of(nil)
	if err := p.db.AddArtifacts(t.Context(), []registry.Artifact{
		{Org: acme.ID, Digest: inOwn, StoredAt: time.Now(), Backend: own},
		{Org: acme.ID, Digest: inManaged, StoredAt: time.Now()},
		{Org: acme.ID, Digest: lost, StoredAt: time.Now(), Backend: uuid.New()},
	}); err != nil {
		t.Fatal(err)
	}
	const managed = tenancy.StorageBackendName
	get := func(what string, role controlplanev1.CASCredentialsServiceGetRequest_Role, d digest.Digest, backend string, code codes.Code) {
		t.Helper()
		req := &controlplanev1.CASCredentialsServiceGetRequest{Role: role}
		if role == downloader {
			req.Digest = d.String()
		}
		resp, err := p.credentials().Get(ctx, req)
		wantCode(t, what, err, code)
		if err == nil && resp.GetResult().GetBackend().GetName() != backend {
			t.Errorf("%s: from %s, want %s", what, resp.GetResult().GetBackend().GetName(), backend)
		}
		if err != nil {
			return
		}
		grant, err := auth.NewCASVerifier(p.keys).Grant(t.Context(), resp.GetResult().GetToken())
		if err != nil || grant.Backend.String() != resp.GetResult().GetBackend().GetId() {
			t.Errorf("%s: %+v, %v", what, grant, err)
		}
	}
	get("upload", uploader, digest.Digest{}, "ours", codes.OK)
	get("download from the bucket", downloader, inOwn, "ours", codes.OK)
	get("download from the managed", downloader, inManaged, managed, codes.OK)
	get("download of what nobody knows", downloader, unknown, "ours", codes.OK)
	get("download from a deleted backend", downloader, lost, "", codes.FailedPrecondition)
	v.finding = "let us in"
	if _, err := p.backends().Revalidate(ctx, &controlplanev1.CASBackendServiceRevalidateRequest{Name: "ours"}); status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "let us in") {
		t.Errorf("revalidate: %v", err)
	}
	get("upload after that", uploader, digest.Digest{}, managed, codes.OK)
	get("download from the invalid bucket", downloader, inOwn, "", codes.PermissionDenied)
	get("download from the managed, after that", downloader, inManaged, managed, codes.OK)
	yes := true
	_, err = p.backends().Update(ctx, &controlplanev1.CASBackendServiceUpdateRequest{Name: "ours", Default: &yes})
	wantCode(t, "an invalid default", err, codes.FailedPrecondition)
}

// away is a database that does not say which storage backends there are.
type away struct{ *database.DB }

func (away) Backends(context.Context, org.ID) ([]registry.Backend, error) {
	return nil, errors.New("the database is away")
}

// TestI12_AnOutageIsNoNameThatIsTaken: that nobody knows whether a name is taken is worth
// another try.
func TestI12_AnOutageIsNoNameThatIsTaken(t *testing.T) {
	t.Parallel()
	v := &asked{}
	p := newPlaneOf(t, func(cfg *controlplane.Config) {
		cfg.OwnBuckets = &controlplane.OwnBuckets{Validator: v, Interval: time.Hour}
		cfg.Store = away{cfg.Store.(*database.DB)}
	})
	p.organization(t, "acme", org.Ready)
	_, err := p.backends().Create(as(t, p.token(t, org.Organization{}), "acme"), good(t))
	wantCode(t, "while the database is away", err, codes.Unavailable)
	if len(v.buckets) > 0 {
		t.Errorf("%v were tried", v.buckets)
	}
}
