package awsquery_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/awsquery"
)

func form(t *testing.T, query string) *awsquery.Params {
	t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	return awsquery.NewParams(values)
}

func TestMembers(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name, query string
		want        []string
		valid       bool
	}{
		{"none", "Tags=", []string{}, true},
		{"in order of number", "Tags.member.10.Key=j&Tags.member.2.Key=b&Tags.member.2.Value=c", []string{"Tags.member.2", "Tags.member.10"}, true},
		{"another list", "TagsAndMore.member.1=x", []string{}, true},
		{"number zero", "Tags.member.0.Key=x", []string{}, false},
		{"no number", "Tags.member.x.Key=x", []string{}, false},
		{"two spellings of a number", "Tags.member.01.Key=x", []string{}, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p := form(t, row.query)
			if diff := cmp.Diff(row.want, p.Members("Tags")); diff != "" {
				t.Error(diff)
			}
			if err := p.Err(); (err == nil) != row.valid {
				t.Errorf("got %v, want valid: %v", err, row.valid)
			}
		})
	}
}

// Source: texts of AWS's model validation, facts AWS §4.6.
func TestViolations(t *testing.T) {
	t.Parallel()
	p := form(t, "RoleName=x%20y&MaxItems=0&Flag=maybe&Tags.member.3.Key=k*&Tags.member.3.Value=v")
	p.Text("RoleName", awsquery.Name(1, 64))
	p.Text("PolicyArn", awsquery.Limits{Required: true})
	p.Int("MaxItems", 1, 1000, 100)
	p.Bool("Flag")
	p.Tags("Tags")
	want := "5 validation errors detected: " +
		`Value 'x y' at 'roleName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*; ` +
		`Value null at 'policyArn' failed to satisfy constraint: Member must not be null; ` +
		`Value '0' at 'maxItems' failed to satisfy constraint: Member must have value greater than or equal to 1; ` +
		`Value 'maybe' at 'flag' failed to satisfy constraint: Member must be a boolean; ` +
		`Value 'k*' at 'tags.3.member.key' failed to satisfy constraint: Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+`
	refused, ok := p.Err().(*api.Error)
	if !ok || refused.Code != "ValidationError" || refused.Status != 400 {
		t.Fatalf("got %v", p.Err())
	}
	if diff := cmp.Diff(want, refused.Message); diff != "" {
		t.Error(diff)
	}
}

func TestCharacters(t *testing.T) {
	t.Parallel()
	rows := []struct {
		check func(string) bool
		text  string
		want  bool
	}{
		{awsquery.NameText, "aZ09_+=,.@-", true},
		{awsquery.NameText, "ä", false},
		{awsquery.NameText, "a/b", false},
		{awsquery.ExternalIDText, "a:b/c", true},
		{awsquery.ExternalIDText, "a b", false},
		{awsquery.TagKey.Match, "größe 1", true},
		{awsquery.TagKey.Match, "a*", false},
		{awsquery.TagKey.Match, "a?", false},
		{awsquery.PolicyText, "\t\r\n ÿ", true},
		{awsquery.PolicyText, "Ā", false},
		{awsquery.PolicyText, "\x00", false},
	}
	for _, row := range rows {
		if got := row.check(row.text); got != row.want {
			t.Errorf("%q: got %v, want %v", row.text, got, row.want)
		}
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	type result struct {
		When  awsquery.Time
		Names awsquery.List[string]
		More  string `xml:",omitempty"`
	}
	when := awsquery.Time(time.Date(2026, 11, 23, 1, 2, 3, 999, time.FixedZone("", 3600)))
	rows := []struct {
		name   string
		result any
		want   string
	}{
		{"values", result{When: when, Names: awsquery.Of([]string{"a", "b<"})},
			`<OpResult><When>2026-11-23T00:02:03Z</When><Names><member>a</member><member>b&lt;</member></Names></OpResult>`},
		{"empty list", result{When: when}, `<OpResult><When>2026-11-23T00:02:03Z</When><Names></Names></OpResult>`},
		{"empty result", struct{}{}, `<OpResult></OpResult>`},
		{"no result", nil, ``},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			if err := awsquery.Write(w, "urn:x", "Op", "id", row.result); err != nil {
				t.Fatal(err)
			}
			want := `<OpResponse xmlns="urn:x">` + row.want + `<ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></OpResponse>`
			if diff := cmp.Diff(want, w.Body.String()); diff != "" {
				t.Error(diff)
			}
			if w.Header().Get("X-Amzn-RequestId") != "id" || w.Header().Get("Content-Type") != "text/xml" {
				t.Errorf("headers %v", w.Header())
			}
		})
	}
}

func TestWriteErrorSaysWhoseFault(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{400: "<Type>Sender</Type>", 501: "<Type>Receiver</Type>"} {
		w := httptest.NewRecorder()
		awsquery.WriteError(w, "urn:x", "id", api.Errorf(status, "Code", "a & b"))
		if w.Code != status || !strings.Contains(w.Body.String(), want) || !strings.Contains(w.Body.String(), "a &amp; b") {
			t.Errorf("%d: got %d, %s", status, w.Code, w.Body)
		}
	}
}

func FuzzMembers(f *testing.F) {
	f.Add("Tags.member.1.Key=a&Tags.member.1.Value=b")
	f.Add("Tags.member.9999999999999999999.Key=a")
	f.Add("Tags.member.-1=a&Tags.member.=b&Tags.member=c")
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		p := awsquery.NewParams(values)
		given := 0
		for name := range values {
			if strings.HasPrefix(name, "Tags.member.") {
				given++
			}
		}
		if tags := p.Tags("Tags"); len(tags) == 0 && given > 0 && p.Err() == nil {
			t.Errorf("%q: entries were dropped without an error", query)
		}
	})
}
