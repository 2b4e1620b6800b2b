package awscloud_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
)

// IAM may answer with fewer policies than it was asked for, or with none, and still have
// more (API reference, ListPolicies): only IsTruncated ends a list.
func TestPoliciesAreListedToTheEnd(t *testing.T) {
	t.Parallel()
	const policy = "<member><PolicyName>%s</PolicyName><PolicyId>ANPA%s</PolicyId><Arn>arn:aws:iam::123456789012:policy/%[1]s</Arn>" +
		"<DefaultVersionId>v3</DefaultVersionId><UpdateDate>2026-05-04T03:02:01Z</UpdateDate></member>"
	pages := map[string]string{
		"":    fmt.Sprintf(policy, "cas-1", "1") + fmt.Sprintf(policy, "other", "2") + "|m1",
		"m1":  "|m1b",
		"m1b": fmt.Sprintf(policy, "cas-2", "3") + "|",
	}
	c := at(t, func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("Scope") != "Local" || r.FormValue("MaxItems") != "1000" || r.FormValue("OnlyAttached") == "true" {
			t.Errorf("asked %v: session policies are local, never attached, and many", r.Form)
		}
		members, marker, _ := strings.Cut(pages[r.FormValue("Marker")], "|")
		end := "<IsTruncated>false</IsTruncated>"
		if marker != "" {
			end = "<IsTruncated>true</IsTruncated><Marker>" + marker + "</Marker>"
		}
		fmt.Fprintf(w, "<ListPoliciesResponse><ListPoliciesResult><Policies>%s</Policies>%s</ListPoliciesResult></ListPoliciesResponse>", members, end)
	})
	var got []cloud.Policy
	for p, err := range c.Policies(t.Context(), "cas-") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p)
	}
	want := []cloud.Policy{
		{Name: "cas-1", ARN: "arn:aws:iam::123456789012:policy/cas-1", ID: "ANPA1", DefaultVersion: "v3", Updated: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)},
		{Name: "cas-2", ARN: "arn:aws:iam::123456789012:policy/cas-2", ID: "ANPA3", DefaultVersion: "v3", Updated: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}

// The quota is the Region's: what other buckets have counts, and every page does.
func TestAccessPointsOfAllBucketsAreCounted(t *testing.T) {
	t.Parallel()
	c := over(t, func(r *http.Request) (int, string) {
		query := r.URL.Query()
		if query.Has("bucket") || query.Get("maxResults") != "1000" {
			t.Errorf("asked %s", r.URL)
		}
		point := "<AccessPoint><Name>x</Name><Bucket>b</Bucket></AccessPoint>"
		next := "<NextToken>t</NextToken>"
		if query.Get("nextToken") == "t" {
			next = ""
		}
		return http.StatusOK, "<ListAccessPointsResult>" + next + "<AccessPointList>" + point + point + "</AccessPointList></ListAccessPointsResult>"
	})
	if n, err := c.AccessPointsInUse(t.Context()); err != nil || n != 4 {
		t.Errorf("%d, %v; want 4", n, err)
	}
}

// What the embedded AWS says of its quotas is what AWS says of its own: all five are there.
func TestPolicyUse(t *testing.T) {
	t.Parallel()
	_, c := newBubble(t, nil)
	use, err := c.PolicyUse(t.Context())
	if want := (cloud.PolicyUse{PoliciesQuota: 1500, VersionsQuota: 10_000, DocumentQuota: 6144}); err != nil || use != want {
		t.Errorf("got %+v, %v", use, err)
	}
	partial := over(t, func(*http.Request) (int, string) {
		return http.StatusOK, "<GetAccountSummaryResponse><GetAccountSummaryResult><SummaryMap></SummaryMap></GetAccountSummaryResult></GetAccountSummaryResponse>"
	})
	if use, err := partial.PolicyUse(t.Context()); err == nil {
		t.Errorf("without quotas: %+v; a quota of 0 would stop everything", use)
	}
}
