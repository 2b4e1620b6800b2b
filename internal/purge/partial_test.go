package purge_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/org"
)

// answering gives every deletion of many the same answer, of status 200.
type answering struct {
	network http.RoundTripper
	answer  string
}

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	if !r.URL.Query().Has("delete") {
		return a.network.RoundTrip(r)
	}
	return &http.Response{
		StatusCode: 200, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/xml"}, "X-Amz-Request-Id": {"1"}},
		Body:   io.NopCloser(bytes.NewReader([]byte(a.answer))),
	}, nil
}

// Within an answer of 200 S3 tells which keys it has kept. A failure that names none of
// those that were asked for may be about any of them: none counts as gone, for a purge goes
// on as long as something goes.
func TestFailuresWithinASuccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tenant := w.in.Tenant(org.NewID())
	a, b := tenant.KeyPrefix()+"a", tenant.KeyPrefix()+"b"
	versions := []cloud.ObjectVersion{{Key: a, VersionID: "1"}, {Key: a, VersionID: "2"}, {Key: b, VersionID: "null"}}
	failure := func(content string) string { return "<Error>" + content + "<Code>AccessDenied</Code></Error>" }
	for name, row := range map[string]struct {
		failures string
		gone     int
	}{
		"none":               {"", 3},
		"one version":        {failure("<Key>" + a + "</Key><VersionId>2</VersionId>"), 2},
		"all":                {failure("<Key>"+a+"</Key><VersionId>1</VersionId>") + failure("<Key>"+a+"</Key><VersionId>2</VersionId>") + failure("<Key>"+b+"</Key><VersionId>null</VersionId>"), 0},
		"one without a key":  {failure(""), 0},
		"another key":        {failure("<Key>c</Key><VersionId>1</VersionId>"), 0},
		"a key, no version":  {failure("<Key>" + a + "</Key>"), 0},
		"one and a stranger": {failure("<Key>"+a+"</Key><VersionId>1</VersionId>") + failure(""), 0},
	} {
		network := answering{w.network, "<DeleteResult>" + row.failures + "</DeleteResult>"}
		gone, err := w.cloud(t, w.backend, network).Purge(w.in, tenant).Delete(t.Context(), versions)
		if len(gone) != row.gone || (err == nil) != (row.failures == "") {
			t.Errorf("%s: %d are gone (%v), want %d: %v", name, len(gone), gone, row.gone, err)
		}
	}
}
