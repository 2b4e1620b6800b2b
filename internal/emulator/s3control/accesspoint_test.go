package s3control_test

import (
	"errors"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/s3state"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

type described struct {
	Name, Bucket, NetworkOrigin, Alias, AccessPointArn, BucketAccountId, CreationDate string

	VPC    string `xml:"VpcConfiguration>VpcId"`
	Blocks struct {
		BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy, RestrictPublicBuckets bool
	} `xml:"PublicAccessBlockConfiguration"`
	Endpoints []struct {
		Key   string `xml:"key"`
		Value string `xml:"value"`
	} `xml:"Endpoints>entry"`
}

func TestCreateThenGet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var made struct{ AccessPointArn, Alias string }
	w.do(w.root, "PUT", apPath+"cas-a", createBody("")).into(t, &made)
	if made.AccessPointArn != apARN+"cas-a" {
		t.Errorf("ARN %s", made.AccessPointArn)
	}
	if !regexp.MustCompile(`^cas-a-[a-z0-9]{34}-s3alias$`).MatchString(made.Alias) {
		t.Errorf("alias %s", made.Alias)
	}
	var got described
	w.do(w.root, "GET", apPath+"cas-a", "").into(t, &got)
	if got.Bucket != "shared" || got.NetworkOrigin != "Internet" || got.Alias != made.Alias || got.BucketAccountId != account {
		t.Errorf("got %+v", got)
	}
	// facts AWS §1.3: omitted means all four true.
	if b := got.Blocks; !b.BlockPublicAcls || !b.IgnorePublicAcls || !b.BlockPublicPolicy || !b.RestrictPublicBuckets {
		t.Errorf("public access is not blocked: %+v", b)
	}
	if len(got.Endpoints) != 4 || got.Endpoints[0].Value != "s3-accesspoint.eu-west-1.amazonaws.com" {
		t.Errorf("endpoints %+v", got.Endpoints)
	}
	err := w.db.View(func(tx state.Tx) error {
		ap, err := s3state.AccessPointByAlias(tx, made.Alias)
		if ap.Name != "cas-a" {
			t.Errorf("the alias leads to %q", ap.Name)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// Rows are facts AWS §1.1 and §1.3.
func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		about, name, body string
		status            int
		code              string
	}{
		{"51 characters", strings.Repeat("a", 51), createBody(""), 400, "InvalidURI"},
		{"50 characters", strings.Repeat("a", 50), createBody(""), 200, ""},
		{"2 characters", "ab", createBody(""), 400, "InvalidURI"},
		{"upper case", "cas-A", createBody(""), 400, "InvalidURI"},
		{"underscore", "cas_a", createBody(""), 400, "InvalidURI"},
		{"dot", "cas.a", createBody(""), 400, "InvalidURI"},
		{"hyphen first", "-cas", createBody(""), 400, "InvalidRequest"},
		{"hyphen last", "cas-", createBody(""), 400, "InvalidRequest"},
		{"alias suffix", "cas-s3alias", createBody(""), 400, "InvalidRequest"},
		{"newer alias suffix", "cas-ext-s3alias", createBody(""), 400, "InvalidRequest"},
		{"again", "taken", createBody(""), 409, "AccessPointAlreadyOwnedByYou"},
		{"no such bucket", "cas-a", strings.Replace(createBody(""), "shared", "absent", 1), 400, "InvalidRequest"},
		{"bucket in another Region", "cas-a", strings.Replace(createBody(""), "shared", "far", 1), 400, "InvalidRequest"},
		{"bucket of another account", "cas-a", createBody("<BucketAccountId>444455556666</BucketAccountId>"), 400, "InvalidRequest"},
		{"bad VPC", "cas-a", createBody("<VpcConfiguration><VpcId>x</VpcId></VpcConfiguration>"), 400, "InvalidRequest"},
		{"scope is for directory buckets", "cas-a", createBody("<Scope/>"), 501, "NotImplemented"},
		{"reserved tag", "cas-a", createBody("<Tags><Tag><Key>aws:x</Key><Value/></Tag></Tags>"), 400, "InvalidTag"},
		{"not XML", "cas-a", "{}", 400, "MalformedXML"},
		{"two documents", "cas-a", createBody("") + createBody(""), 400, "MalformedXML"},
		{"other document", "cas-a", "<Other/>", 400, "MalformedXML"},
		{"no bucket", "cas-a", "<CreateAccessPointRequest/>", 400, "InvalidRequest"},
	} {
		t.Run(tc.about, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.create("taken")
			w.putBucket(s3state.Bucket{Name: "far", AccountID: account, Region: "us-east-1"})
			w.do(w.root, "PUT", apPath+tc.name, tc.body).is(t, tc.status, tc.code)
		})
	}
}

func TestQuota(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"ap1", "ap2", "ap3", "ap4", "ap5"} {
		w.create(name)
	}
	w.do(w.root, "PUT", apPath+"ap6", createBody("")).is(t, 400, "TooManyAccessPoints")
	w.do(w.root, "DELETE", apPath+"ap1", "").is(t, 204, "")
	w.do(w.root, "PUT", apPath+"ap6", createBody("")).is(t, 200, "")
}

func TestDelete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("cas-a")
	var before, after described
	w.do(w.root, "GET", apPath+"cas-a", "").into(t, &before)
	w.do(w.root, "DELETE", apPath+"cas-a", "").is(t, 204, "")
	w.do(w.root, "GET", apPath+"cas-a", "").is(t, 404, "NoSuchAccessPoint")
	w.do(w.root, "DELETE", apPath+"cas-a", "").is(t, 404, "NoSuchAccessPoint")
	err := w.db.View(func(tx state.Tx) error {
		_, err := s3state.Aliases.Get(tx, before.Alias)
		return err
	})
	if !errors.Is(err, state.ErrNotFound) {
		t.Error("the alias outlives its access point")
	}
	w.create("cas-a")
	w.do(w.root, "GET", apPath+"cas-a", "").into(t, &after)
	if after.Alias == before.Alias {
		t.Error("a recreated access point has its predecessor's alias")
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.putBucket(s3state.Bucket{Name: "other", AccountID: account, Region: region})
	for _, name := range []string{"ap3", "ap1", "ap2"} {
		w.create(name)
	}
	w.do(w.root, "PUT", apPath+"ap0", strings.Replace(createBody(""), "shared", "other", 1)).is(t, 200, "")
	names := func(query string) (got []string, token string) {
		var page struct {
			Names     []string `xml:"AccessPointList>AccessPoint>Name"`
			NextToken string
		}
		w.do(w.root, "GET", "/v20180820/accesspoint"+query, "").into(t, &page)
		return page.Names, page.NextToken
	}
	got, token := names("")
	if diff := cmp.Diff([]string{"ap0", "ap1", "ap2", "ap3"}, got); diff != "" || token != "" {
		t.Errorf("all (-want +got):\n%s token %q", diff, token)
	}
	got, token = names("?bucket=shared&maxResults=2")
	if diff := cmp.Diff([]string{"ap1", "ap2"}, got); diff != "" || token == "" {
		t.Errorf("first page (-want +got):\n%s token %q", diff, token)
	}
	got, token = names("?bucket=shared&maxResults=2&nextToken=" + token)
	if diff := cmp.Diff([]string{"ap3"}, got); diff != "" || token != "" {
		t.Errorf("second page (-want +got):\n%s token %q", diff, token)
	}
	for query, want := range map[string]answer{
		"?maxResults=1001":         {Status: 400, Code: "InvalidRequest"},
		"?maxResults=x":            {Status: 400, Code: "InvalidRequest"},
		"?nextToken=zzz":           {Status: 400, Code: "InvalidRequest"},
		"?nextToken=%21":           {Status: 400, Code: "InvalidRequest"},
		"?dataSourceType=ALL":      {Status: 200},
		"?dataSourceType=FSX_ONTA": {Status: 501, Code: "NotImplemented"},
	} {
		w.do(w.root, "GET", "/v20180820/accesspoint"+query, "").is(t, want.Status, want.Code)
	}
}

// facts AWS §1.3: control-plane calls do not work across accounts.
func TestAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stranger := &api.Caller{Kind: api.Root, AccountID: "444455556666", ARN: "arn:aws:iam::444455556666:root"}
	for _, tc := range []struct {
		about, host, header string
		caller              *api.Caller
		status              int
		code                string
	}{
		{"own", account + ".127.0.0.1:4566", account, w.root, 200, ""},
		{"own, without host prefix", "127.0.0.1:4566", account, w.root, 200, ""},
		{"no header", "127.0.0.1", "", w.root, 400, "InvalidRequest"},
		{"not an account", "127.0.0.1", "abc", w.root, 400, "InvalidRequest"},
		{"host and header differ", "444455556666.localhost", account, w.root, 400, "InvalidRequest"},
		{"another account", "127.0.0.1", "444455556666", w.root, 403, "AccessDenied"},
		{"from another account", "127.0.0.1", account, stranger, 403, "AccessDenied"},
		{"unsigned", "127.0.0.1", account, &api.Caller{Kind: api.Anonymous}, 403, "AccessDenied"},
	} {
		t.Run(tc.about, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), "GET", "http://"+tc.host+"/v20180820/accesspoint", nil)
			if tc.header != "" {
				r.Header.Set("X-Amz-Account-Id", tc.header)
			}
			w.serve(tc.caller, r, "").is(t, tc.status, tc.code)
		})
	}
}

func TestOperations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tc := range []struct{ method, path, want string }{
		{"PUT", apPath + "x", "CreateAccessPoint"},
		{"GET", apPath + "x/policyStatus", "GetAccessPointPolicyStatus"},
		{"GET", "/v20180820/tags/arn%3Aaws%3As3%3Aeu-west-1%3A111122223333%3Aaccesspoint%2Fx", "ListTagsForResource"},
		{"GET", "/v20180820/mrap/instances/a/policy", "GetMultiRegionAccessPointPolicy"},
		{"GET", "/v20180820/mrap/instances/a", "GetMultiRegionAccessPoint"},
		{"POST", "/v20180820/jobs", "CreateJob"},
		{"GET", "/v20180820/nothing", ""},
		{"GET", "/elsewhere", ""},
	} {
		r := httptest.NewRequestWithContext(t.Context(), tc.method, "http://localhost"+tc.path, nil)
		if got := w.svc.Operation(r); got != tc.want {
			t.Errorf("%s %s is %q, want %q", tc.method, tc.path, got, tc.want)
		}
	}
	w.do(w.root, "POST", "/v20180820/jobs", "").is(t, 501, "NotImplemented")
}
