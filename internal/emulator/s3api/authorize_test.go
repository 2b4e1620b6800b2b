package s3api

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/s3state"
)

const viaA = "http://cas-a-" + account + ".s3-accesspoint." + region + ".amazonaws.com"

// Who reaches what, and by which way. Rows name the section of the facts that they
// come from; those of the decision table are evaluated in full by packages iam and
// gate, here it is the contexts that S3 gives them.
func TestWhoReachesWhat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.delegate()
	w.put(w.root, "/shared/a/x", "x").is(t, 200, "")
	w.put(w.root, "/shared/b/y", "y").is(t, 200, "")
	w.accessPoint("cas-a", "")
	w.accessPoint("cas-vpc", "", func(ap *s3state.AccessPoint) { ap.VpcID = "vpc-1" })
	w.accessPoint("cas-open", statement(`"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"`+apARN+`cas-open/object/*"`),
		func(ap *s3state.AccessPoint) { ap.PublicAccessBlock.RestrictPublicBuckets = true })

	callers := map[string]*api.Caller{
		"root": w.root, "nobody": w.nobody,
		"direct":      w.allowing("direct", []string{"s3:*"}, []string{"arn:aws:s3:::shared", "arn:aws:s3:::shared/*"}),
		"by-a":        w.allowing("by-a", []string{"s3:GetObject", "s3:PutObject"}, []string{apARN + "cas-a/object/a/*"}),
		"by-anywhere": w.allowing("by-anywhere", []string{"s3:*"}, []string{apARN + "*", apARN + "*/object/*"}),
		"by-alias":    w.allowing("by-alias", []string{"s3:*"}, []string{"arn:aws:s3:::cas-a-abc-s3alias/*"}),
		"lister":      w.allowing("lister", []string{"s3:ListBucket", "s3:GetObject"}, []string{apARN + "cas-a", apARN + "cas-a/object/*"}),
		"prefixed": w.role("prefixed", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"`+apARN+`cas-a/object/*"},`+
			`{"Effect":"Allow","Action":"s3:ListBucket","Resource":"`+apARN+`cas-a","Condition":{"StringLike":{"s3:prefix":"a/*"},"NumericLessThanEquals":{"s3:max-keys":"10"}}}]}`),
	}

	for _, tc := range []struct {
		who          string
		method, url  string
		status       int
		code, source string
	}{
		{"root", "GET", viaA + "/a/x", 200, "", "the owner, undenied"},
		{"by-a", "GET", viaA + "/a/x", 200, "", "§3.5 row 14"},
		{"by-a", "GET", viaA + "/b/y", 403, "AccessDenied", "§3.5 row 3"},
		{"by-a", "GET", "/shared/a/x", 403, "AccessDenied", "the role does not name the bucket"},
		{"by-a", "GET", "/cas-a-abc-s3alias/a/x", 200, "", "§1.1: an alias leads to its access point"},
		{"by-a", "GET", "http://cas-a-abc-s3alias.localhost/a/x", 200, "", "§1.1"},
		{"by-a", "GET", "http://cas-a-" + account + ".127.0.0.1:9/a/x", 200, "", "§1.1: custom endpoint"},
		{"by-a", "PUT", viaA + "/a/new", 200, "", "§3.5 row 14"},
		{"by-a", "GET", viaA + "/a/none", 403, "AccessDenied", "§3.5 row 36"},
		{"by-a", "HEAD", viaA + "/a/none", 403, "AccessDenied", "§3.5 row 36"},
		{"by-a", "GET", viaA + "/a/../b/y", 403, "AccessDenied", "keys are exact: a/../b/y is not there"},
		{"by-a", "DELETE", viaA + "/a/x", 403, "AccessDenied", "not granted"},
		{"direct", "GET", viaA + "/a/x", 403, "AccessDenied", "§3.5 row 17"},
		{"direct", "GET", "/shared/a/x", 200, "", "no statement denies"},
		{"by-alias", "GET", "/cas-a-abc-s3alias/a/x", 403, "AccessDenied", "§3.5 row 18"},
		{"lister", "GET", viaA + "/a/none", 404, "NoSuchKey", "§3.5 row 37"},
		{"lister", "HEAD", viaA + "/a/none", 404, "NoSuchKey", "§3.5 row 37"},
		{"lister", "HEAD", viaA + "/", 200, "", "HeadBucket is s3:ListBucket"},
		{"prefixed", "GET", viaA + "/a/none", 403, "AccessDenied", "§3.5 row 38"},
		{"prefixed", "GET", viaA + "/?list-type=2&prefix=a/x&max-keys=1", 200, "", "§7.6"},
		{"prefixed", "GET", viaA + "/?list-type=2&prefix=a/x&max-keys=11", 403, "AccessDenied", "§2.4: s3:max-keys"},
		{"prefixed", "GET", viaA + "/?list-type=2&prefix=b/&max-keys=1", 403, "AccessDenied", "§2.4: s3:prefix"},
		{"prefixed", "GET", viaA + "/?list-type=2&max-keys=1", 403, "AccessDenied", "§3.4: a missing key"},
		{"prefixed", "GET", viaA + "/?list-type=2&prefix=a/x&prefix=b/&max-keys=1", 403, "AccessDenied", "every value must match or the request is not what was allowed"},
		{"by-anywhere", "GET", "http://cas-vpc-" + account + ".localhost/a/x", 403, "AccessDenied", "§3.5 row 30"},
		{"root", "GET", "http://cas-vpc-" + account + ".localhost/a/x", 403, "AccessDenied", "§3.5 row 30"},
		{"by-anywhere", "GET", "http://none-" + account + ".localhost/a/x", 404, "NoSuchAccessPoint", "allowed, so it may know"},
		{"by-a", "GET", "http://none-" + account + ".localhost/a/x", 403, "AccessDenied", "not allowed, so it may not"},
		{"by-anywhere", "GET", "http://cas-a-999999999999.localhost/a/x", 403, "AccessDenied", "another account's"},
		{"by-a", "GET", "/missing/a/x", 403, "AccessDenied", "not allowed, so it may not know"},
		{"by-anywhere", "PUT", viaA + "/?policy", 405, "MethodNotAllowed", "§1.3"},
		{"root", "DELETE", viaA + "/", 405, "MethodNotAllowed", "§1.3"},
		{"nobody", "GET", "/shared/a/x", 403, "AccessDenied", "no public grant"},
		{"nobody", "GET", viaA + "/a/x", 403, "AccessDenied", "§3.5 row 26"},
		{"nobody", "GET", "http://cas-open-" + account + ".localhost/a/x", 403, "AccessDenied", "§2.5: RestrictPublicBuckets, and §1.1"},
		{"nobody", "GET", "http://127.0.0.1/", 403, "AccessDenied", "ListBuckets is nobody's"},
	} {
		got := w.do(callers[tc.who], tc.method, tc.url, "")
		if got.Status != tc.status || got.Code != tc.code {
			t.Errorf("%s: %s %s (%s): got %d %s, want %d %s: %s", tc.who, tc.method, tc.url, tc.source, got.Status, got.Code, tc.status, tc.code, got.Body)
		}
	}
}

// What a policy sees of a request through an access point: two contexts, each with
// its own ARN, and the same keys (facts AWS §2.3, §2.4).
func TestContexts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.delegate()
	w.accessPoint("cas-a", "", func(ap *s3state.AccessPoint) { ap.Tags = map[string]string{"org": "acme"} })
	got := w.put(w.root, viaA+"/a/x", "", "If-None-Match", "*", "x-amz-server-side-encryption", "AES256")
	got.is(t, 200, "")
	at, err := w.svc.addresses.of(httptest.NewRequest("PUT", viaA+"/a/x", nil))
	if err != nil {
		t.Fatal(err)
	}
	found, err := w.svc.find(at)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("PUT", viaA+"/a/x", nil)
	r.Header.Set("If-None-Match", "*")
	c := &call{r: r, target: found, req: &api.Request{Caller: w.root}}
	checks := w.svc.checks(c, "s3:PutObject", &found.key, writing(r, true)...)
	if len(checks) != 2 {
		t.Fatalf("%d contexts", len(checks))
	}
	want := []string{apARN + "cas-a/object/a/x", "arn:aws:s3:::shared/a/x"}
	for i, check := range checks {
		if check.Resource != want[i] || check.Account != account {
			t.Errorf("context %d: %s of %s", i, check.Resource, check.Account)
		}
		for key, value := range map[string]string{
			"s3:DataAccessPointArn": apARN + "cas-a", "s3:DataAccessPointAccount": account, "s3:AccessPointNetworkOrigin": "Internet",
			"s3:ResourceAccount": account, "s3:if-none-match": "*", "s3:ObjectCreationOperation": "true",
		} {
			if values, _ := check.Context.Get(key); len(values) != 1 || values[0] != value {
				t.Errorf("context %d: %s is %v", i, key, values)
			}
		}
	}
	if v, _ := checks[0].Context.Get("s3:AccessPointTag/org"); len(v) != 1 {
		t.Error("the access point's tags are missing")
	}
	if _, there := checks[1].Context.Get("s3:AccessPointTag/org"); there {
		t.Error("the bucket has the access point's tags")
	}
	if len(got.Req.Decisions) != 1 || got.Req.Resource != want[0] {
		t.Errorf("journal: %s, %d decisions", got.Req.Resource, len(got.Req.Decisions))
	}
}

// Conditional writes can be demanded by policy without breaking multipart uploads
// (facts AWS §7.2).
func TestWritesMustBeConditional(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(w.root, "/shared?policy", statement(`"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::shared/*",`+
		`"Condition":{"Null":{"s3:if-none-match":"true"},"Bool":{"s3:ObjectCreationOperation":"true"}}`)).is(t, 204, "")
	w.put(w.root, "/shared/k", "").is(t, 403, "AccessDenied")
	w.put(w.root, "/shared/k", "", "If-None-Match", "*").is(t, 200, "")
	var started initiateResult
	w.do(w.root, "POST", "/shared/big?uploads", "").into(t, &started)
	part := w.put(w.root, "/shared/big?partNumber=1&uploadId="+started.UploadID, "x")
	part.is(t, 200, "")
	complete := fmt.Sprintf(`<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>%s</ETag></Part></CompleteMultipartUpload>`, part.Header.Get("ETag"))
	w.do(w.root, "POST", "/shared/big?uploadId="+started.UploadID, complete).is(t, 403, "AccessDenied")
	w.do(w.root, "POST", "/shared/big?uploadId="+started.UploadID, complete, "If-None-Match", "*").is(t, 200, "")
}

// A policy can lock out everybody but the owner's root user, who repairs it
// (facts AWS §3.5, row 25).
func TestRootRepairsThePolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.allowing("admin", []string{"*"}, []string{"*"})
	w.put(admin, "/shared?policy", statement(`"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::shared","arn:aws:s3:::shared/*"]`)).is(t, 204, "")
	for _, caller := range []*api.Caller{admin, w.root} {
		w.get(caller, "/shared/k").is(t, 403, "AccessDenied")
		w.do(caller, "DELETE", "/shared", "").is(t, 403, "AccessDenied")
	}
	w.get(admin, "/shared?policy").is(t, 403, "AccessDenied")
	w.put(admin, "/shared?policy", delegation).is(t, 403, "AccessDenied")
	w.do(admin, "DELETE", "/shared?policy", "").is(t, 403, "AccessDenied")
	w.get(w.root, "/shared?policy").is(t, 200, "")
	w.put(w.root, "/shared?policy", delegation).is(t, 204, "")
	w.do(w.root, "DELETE", "/shared?policy", "").is(t, 204, "")
	w.get(w.root, "/shared?policy").is(t, 404, "NoSuchBucketPolicy")
}

// A public grant ends where RestrictPublicBuckets begins (facts AWS §2.5).
func TestRestrictPublicBuckets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(w.root, "/shared/k", "x").is(t, 200, "")
	public := statement(`"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::shared/*"`)
	w.put(w.root, "/shared?policy", public).is(t, 403, "AccessDenied") // BlockPublicPolicy
	w.do(w.root, "DELETE", "/shared?publicAccessBlock", "").is(t, 204, "")
	w.put(w.root, "/shared?policy", public).is(t, 204, "")
	w.get(w.nobody, "/shared/k").is(t, 200, "")
	w.get(w.nobody, "/shared/k?response-content-type=a").is(t, 400, "InvalidRequest")
	w.put(w.root, "/shared?publicAccessBlock", `<PublicAccessBlockConfiguration><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>`).is(t, 200, "")
	w.get(w.nobody, "/shared/k").is(t, 403, "AccessDenied")
	someone := w.allowing("someone", []string{"sts:GetCallerIdentity"}, []string{"*"})
	w.get(someone, "/shared/k").is(t, 200, "") // the owner's account keeps the grant
}

// The text of a denial names the access point's ARN and the kind of policy
// (facts AWS §3.5).
func TestDenialText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.delegate()
	w.accessPoint("cas-a", "")
	nothing := w.allowing("nothing", []string{"sts:GetCallerIdentity"}, []string{"*"})
	got := w.get(nothing, viaA+"/a/x")
	got.is(t, 403, "AccessDenied")
	want := "User: arn:aws:sts::" + account + ":assumed-role/nothing/s is not authorized to perform: s3:GetObject on resource: &#34;" + apARN + "cas-a/object/a/x&#34; because no identity-based policy allows the s3:GetObject action"
	if !strings.Contains(got.Body, want) {
		t.Errorf("got %s\nwant %s", got.Body, want)
	}
}
