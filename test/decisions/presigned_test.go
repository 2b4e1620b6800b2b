package decisions_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/managedcas/managedcas/internal/emulator/journal"
	"github.com/managedcas/managedcas/internal/iam"
)

func (w *world) presignGet(a *actor, where, key string, valid time.Duration) *v4.PresignedHTTPRequest {
	w.t.Helper()
	signed, err := s3.NewPresignClient(a.s3()).PresignGetObject(w.t.Context(), &s3.GetObjectInput{Bucket: &where, Key: &key}, s3.WithPresignExpires(valid))
	w.must(err)
	return signed
}

func (w *world) presignPut(a *actor, where, key string) *v4.PresignedHTTPRequest {
	w.t.Helper()
	signed, err := s3.NewPresignClient(a.s3()).PresignPutObject(w.t.Context(), &s3.PutObjectInput{Bucket: &where, Key: &key})
	w.must(err)
	return signed
}

// use sends a presigned request as somebody does who has nothing but it, and holds
// its end against o.
func (w *world) use(t *testing.T, signed *v4.PresignedHTTPRequest, body string, o outcome, change ...func(*http.Request)) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), signed.Method, signed.URL, strings.NewReader(body))
	w.must(err)
	for name, values := range signed.SignedHeader {
		if name != "Host" && name != "Content-Length" {
			r.Header[name] = values
		}
	}
	for _, f := range change {
		f(r)
	}
	res, err := w.dial().RoundTrip(r)
	w.must(err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	w.must(err)
	if res.StatusCode != o.status || o.code != "" && !strings.Contains(string(answer), "<Code>"+o.code+"</Code>") {
		t.Errorf("answered %d %s, want %d %s", res.StatusCode, answer, o.status, o.code)
	}
	entries := w.aws.Journal().Entries(journal.Filter{RequestID: res.Header.Get("X-Amz-Request-Id")})
	if len(entries) != 1 {
		t.Fatalf("%d entries in the journal", len(entries))
	}
	o.checkEntry(t, entries[0])
}

// TestPresigned: a presigned request is its signer's request (facts AWS §1.3).
func TestPresigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.install(w.base())
	a := w.sessionA()
	w.use(t, w.presignGet(a, apARN(apA), "orgA/x", time.Minute), "", allowedBy(ownObject...))
	w.use(t, w.presignPut(a, apARN(apA), "orgA/new"), "content", allowedBy(ownObject...))
	w.use(t, w.presignGet(a, w.alias(apA), "orgA/x", time.Minute), "", allowedBy(ownObject...))
	w.use(t, w.presignGet(a, apARN(apB), "orgB/y", time.Minute), "", deniedBy(iam.LayerResource, "P0Others"))
	w.use(t, w.presignPut(a, apARN(apB), "orgB/y"), "content", deniedBy(iam.LayerResource, "P0Others"))
	w.use(t, w.presignGet(a, bucket, "orgA/x", time.Minute), "", deniedBy(iam.LayerResource, "B0Outside"))
	w.use(t, w.presignGet(a, apARN(apA), "orgB/y", time.Minute), "",
		notAllowed(iam.LayerSession, "s3:GetObject", apARN(apA)+"/object/orgB/y"))
}

// TestTamperedPresigned: every part of a presigned request is covered by its
// signature, and nothing can be added.
func TestTamperedPresigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.install(w.base())
	a := w.sessionA()
	query := func(change func(url.Values)) func(*http.Request) {
		return func(r *http.Request) {
			q := r.URL.Query()
			change(q)
			r.URL.RawQuery = q.Encode()
		}
	}
	set := func(name, value string) func(*http.Request) { return query(func(q url.Values) { q.Set(name, value) }) }
	path := func(p string) func(*http.Request) {
		return func(r *http.Request) { r.URL.Path, r.URL.RawPath = p, "" }
	}
	mismatch := refused(403, "SignatureDoesNotMatch")
	for name, tc := range map[string]struct {
		change func(*http.Request)
		want   outcome
	}{
		"another key":           {path("/orgB/y"), mismatch},
		"key of same meaning":   {path("/orgA/./x"), mismatch},
		"another access point":  {func(r *http.Request) { r.Host = strings.Replace(r.Host, apA, apB, 1) }, mismatch},
		"another method":        {func(r *http.Request) { r.Method = http.MethodDelete }, mismatch},
		"longer validity":       {set("X-Amz-Expires", "604800"), mismatch},
		"another date":          {query(func(q url.Values) { q.Set("X-Amz-Date", besides(t, q.Get("X-Amz-Date"))) }), mismatch},
		"another operation":     {set("tagging", ""), mismatch},
		"another version":       {set("versionId", "null"), mismatch},
		"override of a header":  {set("response-content-type", "text/html"), mismatch},
		"another signature":     {set("X-Amz-Signature", strings.Repeat("0", 64)), mismatch},
		"short signature":       {query(func(q url.Values) { q.Set("X-Amz-Signature", q.Get("X-Amz-Signature")[:32]) }), refused(400, "AuthorizationQueryParametersError")},
		"header not signed":     {func(r *http.Request) { r.Header.Set("X-Amz-Acl", "public-read") }, refused(403, "AccessDenied")},
		"without session token": {query(func(q url.Values) { q.Del("X-Amz-Security-Token") }), refused(403, "InvalidAccessKeyId")},
		"another session token": {set("X-Amz-Security-Token", "token"), refused(403, "InvalidAccessKeyId")},
		"root's access key": {query(func(q url.Values) {
			_, rest, _ := strings.Cut(q.Get("X-Amz-Credential"), "/")
			q.Set("X-Amz-Credential", w.aws.RootCredentials().AccessKeyID+"/"+rest)
			q.Del("X-Amz-Security-Token")
		}), mismatch},
		"another Region": {query(func(q url.Values) {
			q.Set("X-Amz-Credential", strings.Replace(q.Get("X-Amz-Credential"), region, "us-east-1", 1))
		}), refused(400, "AuthorizationQueryParametersError")},
		"over a week": {set("X-Amz-Expires", "604801"), refused(400, "AuthorizationQueryParametersError")},
		"unsigned":    {func(r *http.Request) { r.URL.RawQuery = "" }, deniedBy(iam.LayerResource, "P0Others")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w.use(t, w.presignGet(a, apARN(apA), "orgA/x", time.Minute), "", tc.want, tc.change)
		})
	}
}

// TestPresignedEnds: a URL dies at its own end or its session's, whichever is first
// (facts AWS §1.3, §4.6).
func TestPresignedEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorldInMemory(t)
		w.install(w.base())
		a := w.sessionA() // for an hour
		short := w.presignGet(a, apARN(apA), "orgA/x", time.Minute)
		long := w.presignGet(a, apARN(apA), "orgA/x", 12*time.Hour)
		expired := refused(403, "AccessDenied")

		time.Sleep(time.Minute - time.Second)
		w.use(t, short, "", allowedBy(ownObject...))
		time.Sleep(2 * time.Second)
		w.use(t, short, "", expired)
		w.use(t, long, "", allowedBy(ownObject...))

		time.Sleep(time.Hour)
		w.use(t, long, "", refused(400, "ExpiredToken"))
		refused(400, "ExpiredToken").check(t, w, a, get(apARN(apA), "orgA/x")(t.Context(), a))
		refused(403, "ExpiredToken").check(t, w, a, identify(t.Context(), a))
	})
}

// besides returns another second of the same minute: on the same day, and as good for as long.
func besides(t *testing.T, date string) string {
	t.Helper()
	const form = "20060102T150405Z"
	at, err := time.Parse(form, date)
	if err != nil {
		t.Fatal(err)
	}
	if at.Second() == 0 {
		return at.Add(time.Second).Format(form)
	}
	return at.Add(-time.Second).Format(form)
}
