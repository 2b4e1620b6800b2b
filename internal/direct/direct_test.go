package direct_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/direct"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/test/rig"
)

func TestMain(m *testing.M) { databasetest.MainOnEach(m, database.Migrate) }

// catalogue remembers what it is told, unless it is broken.
type catalogue struct {
	mu     sync.Mutex
	known  []registry.Artifact
	broken bool
}

func (c *catalogue) Record(_ context.Context, a registry.Artifact) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken {
		return errors.New("the catalogue is broken")
	}
	c.known = append(c.known, a)
	return nil
}

func (c *catalogue) entries() []registry.Artifact {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known
}

func reason(err error) string {
	if err == nil {
		return ""
	}
	return problem.From(cas.Problem(err)).Reason()
}

func mustSend(t *testing.T, p cas.Presigned, content []byte, header ...string) []byte {
	t.Helper()
	r := request(t.Context(), t, p, content)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	status, code, answer := send(t, rig.Stranger(t), r)
	if status/100 != 2 {
		t.Fatalf("%d %s\n%s", status, code, answer)
	}
	return answer
}

func unconfirmed(t *testing.T, r *rig.Rig) int {
	t.Helper()
	due, err := r.DB.DueDirectUploads(t.Context(), time.Now().AddDate(1, 0, 0), 1000)
	if err != nil {
		t.Fatal(err)
	}
	return len(due)
}

// One upload and one download that come past this process, and what AWS is asked for them.
func TestThereAndBack(t *testing.T) {
	t.Parallel()
	known := &catalogue{}
	r := rig.New(t, rig.Options{Reuse: rig.LongReuse, Recorder: known})
	acme := r.Org(t)
	for _, size := range []int{0, 1, 5 << 20} {
		content, d := rig.Content(size)
		r.Session(t, acme)
		r.Forget()
		p, stored, err := r.Direct.Upload(t.Context(), uploader(acme), direct.Upload{Digest: d, Size: int64(size), FileName: "ä b.txt", MediaType: "text/plain"}, true)
		if err != nil || stored || p.Method != http.MethodPut {
			t.Fatalf("%v, stored %t, %v", p, stored, err)
		}
		if life := time.Until(p.ExpiresAt); life > direct.Life || life < direct.Life-time.Minute {
			t.Errorf("lives for %s", life)
		}
		if _, _, err := r.Direct.Confirm(t.Context(), uploader(acme), d); problem.KindOf(cas.Problem(err)) != problem.NotFound || !strings.Contains(err.Error(), "has not arrived") {
			t.Errorf("confirmed before it was sent: %v", err)
		}
		mustSend(t, p, content)
		for _, first := range []bool{true, false} {
			got, created, err := r.Direct.Confirm(t.Context(), uploader(acme), d)
			if err != nil || created != first || got != int64(size) {
				t.Errorf("confirmed %d bytes, created %t, %v", got, created, err)
			}
		}
		last := known.entries()[len(known.entries())-1]
		if want := (registry.Artifact{Org: acme, Digest: d, Size: int64(size), FileName: "ä b.txt", MediaType: "text/plain", Uploader: "somebody", StoredAt: last.StoredAt}); last != want || last.StoredAt.IsZero() {
			t.Errorf("recorded %+v", last)
		}
		// Looked for, not there; asked for, not there, looked for again; sent; asked twice.
		if calls := r.Calls(); calls["ListObjectsV2"] != 2 || calls["HeadObject"] != 3 || calls["PutObject"] != 1 {
			t.Errorf("calls %v", calls)
		}
		if _, stored, err := r.Direct.Upload(t.Context(), uploader(acme), direct.Upload{Digest: d, Size: int64(size)}, true); err != nil || !stored {
			t.Errorf("again: stored %t, %v", stored, err)
		}

		p, info, err := r.Direct.Download(t.Context(), downloader(acme, d), d, true)
		if err != nil || info.Size != int64(size) || info.FileName != "ä b.txt" || p.Method != http.MethodGet || len(p.Header) != 0 {
			t.Fatalf("%v %v, %+v, %v", p, p.Header, info, err)
		}
		if got := mustSend(t, p, nil); !bytes.Equal(got, content) {
			t.Errorf("%d bytes came back", len(got))
		}
		if size > 1 {
			if got := mustSend(t, p, nil, "Range", "bytes=1-2"); !bytes.Equal(got, content[1:3]) {
				t.Errorf("a range of %d bytes", len(got))
			}
		}
	}
	if n := len(known.entries()); n != 3 {
		t.Errorf("%d records of 3 artifacts", n)
	}
}

// S3 keeps headers that nobody signed, as long as their names do not begin with x-amz-. A
// download does not show them: one that says gzip would be unpacked by its client, and
// one that says inline be shown.
func TestUnsignedHeadersAreNotPassedOn(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{Reuse: rig.LongReuse})
	acme := r.Org(t)
	content, d := rig.Content(100)
	mustSend(t, presign(t, r, acme, d, 100), content,
		"Content-Encoding", "gzip", "Content-Disposition", "inline", "Cache-Control", "public", "Content-Language", "de")
	p, _, err := r.Direct.Download(t.Context(), downloader(acme, d), d, false)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := rig.Stranger(t).Do(request(t.Context(), t, p, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	for name, want := range map[string]string{
		"Content-Encoding": "identity", "Content-Disposition": `attachment; filename="a b.txt"`,
		"Content-Type": "application/octet-stream", "Cache-Control": "private, no-transform", "Content-Language": "zxx",
	} {
		if got := answer.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if answer.StatusCode != http.StatusOK {
		t.Error(answer.Status)
	}
}

// A grant covers a direct transfer as it covers one through the CAS.
func TestGrants(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{Reuse: rig.LongReuse, MaxBytes: 1000, SinglePutMax: 500})
	acme := r.Org(t)
	_, d := rig.Content(1)
	_, another := rig.Content(1)
	with := func(change func(*cas.Grant)) cas.Grant {
		g := uploader(acme)
		change(&g)
		return g
	}
	for _, row := range []struct {
		name   string
		grant  cas.Grant
		upload direct.Upload
		reason string
	}{
		{"largest of a grant", with(func(g *cas.Grant) { g.MaxBytes = 100 }), direct.Upload{Digest: d, Size: 100}, ""},
		{"more than a grant's", with(func(g *cas.Grant) { g.MaxBytes = 100 }), direct.Upload{Digest: d, Size: 101}, "CONTENT_TOO_LARGE"},
		{"largest of one request", uploader(acme), direct.Upload{Digest: d, Size: 500}, ""},
		{"more than in one request", uploader(acme), direct.Upload{Digest: d, Size: 501}, direct.ReasonTooLarge},
		{"more than the server's", uploader(acme), direct.Upload{Digest: d, Size: 1001}, "CONTENT_TOO_LARGE"},
		{"nothing", uploader(acme), direct.Upload{Digest: d}, ""},
		{"less than nothing", uploader(acme), direct.Upload{Digest: d, Size: -1}, "INVALID_ARGUMENT"},
		{"bound to it", with(func(g *cas.Grant) { g.Digest = d }), direct.Upload{Digest: d, Size: 1}, ""},
		{"bound to another", with(func(g *cas.Grant) { g.Digest = another }), direct.Upload{Digest: d, Size: 1}, "PERMISSION_DENIED"},
		{"another role", downloader(acme, d), direct.Upload{Digest: d, Size: 1}, "PERMISSION_DENIED"},
		{"no organization", cas.Grant{Role: cas.Uploader}, direct.Upload{Digest: d, Size: 1}, "PERMISSION_DENIED"},
		{"an organization that is none", uploader(org.NewID()), direct.Upload{Digest: d, Size: 1}, "FAILED_PRECONDITION"},
		{"no content has it", uploader(acme), direct.Upload{Size: 1}, "NOT_FOUND"},
		{"a path", uploader(acme), direct.Upload{Digest: d, Size: 1, FileName: "../x"}, "INVALID_ARGUMENT"},
		{"longest media type", uploader(acme), direct.Upload{Digest: d, Size: 1, MediaType: strings.Repeat("a", 127) + "/" + strings.Repeat("b", 127)}, ""},
		{"a longer one", uploader(acme), direct.Upload{Digest: d, Size: 1, MediaType: strings.Repeat("a", 127) + "/" + strings.Repeat("b", 128)}, "INVALID_ARGUMENT"},
		{"no media type", uploader(acme), direct.Upload{Digest: d, Size: 1, MediaType: "a/b\r\nX: y"}, "INVALID_ARGUMENT"},
	} {
		if _, _, err := r.Direct.Upload(t.Context(), row.grant, row.upload, false); reason(err) != row.reason {
			t.Errorf("%s: %v, want %q", row.name, err, row.reason)
		}
	}
	for name, grant := range map[string]cas.Grant{
		"another role": uploader(acme), "bound to another": downloader(acme, another), "another organization": downloader(r.Org(t), d),
	} {
		want := "PERMISSION_DENIED"
		if name == "another organization" {
			want = "NOT_FOUND"
		}
		if _, _, err := r.Direct.Download(t.Context(), grant, d, false); reason(err) != want {
			t.Errorf("download, %s: %v", name, err)
		}
		if _, _, err := r.Direct.Confirm(t.Context(), grant, d); grant.Role == cas.Downloader && reason(err) != "PERMISSION_DENIED" {
			t.Errorf("confirm, %s: %v", name, err)
		}
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		mode                 direct.Mode
		asked, ifRecommended string
	}{
		{direct.Off, direct.ReasonOff, direct.ReasonOff},
		{direct.Allowed, "", direct.ReasonNotRecommended},
		{direct.Recommended, "", ""},
	} {
		r := rig.New(t, rig.Options{Reuse: rig.LongReuse, Direct: row.mode})
		acme := r.Org(t)
		content, d := rig.Content(10)
		if _, err := r.Store.Put(t.Context(), cas.Ref{Org: acme, Digest: d}, 10, bytes.NewReader(content), cas.Label{}); err != nil {
			t.Fatal(err)
		}
		_, more := rig.Content(10)
		for _, conditional := range []bool{false, true} {
			want := row.asked
			if conditional {
				want = row.ifRecommended
			}
			if _, _, err := r.Direct.Upload(t.Context(), uploader(acme), direct.Upload{Digest: more, Size: 10}, conditional); reason(err) != want {
				t.Errorf("%s: upload if recommended %t: %v", row.mode, conditional, err)
			}
			if _, _, err := r.Direct.Download(t.Context(), downloader(acme, d), d, conditional); reason(err) != want {
				t.Errorf("%s: download if recommended %t: %v", row.mode, conditional, err)
			}
		}
	}
	for text, want := range map[string]direct.Mode{"": direct.Off, "off": direct.Off, "false": direct.Off, "allowed": direct.Allowed, "recommended": direct.Recommended} {
		var m direct.Mode
		if err := m.UnmarshalText([]byte(text)); err != nil || m != want {
			t.Errorf("%q: %q, %v", text, m, err)
		}
	}
	var m direct.Mode
	if err := m.UnmarshalText([]byte("on")); err == nil {
		t.Errorf("on is %q", m)
	}
}

// The limit is on artifacts that are under way, not on requests.
func TestOutstanding(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{Reuse: rig.LongReuse, Limits: service.Limits{DirectUploadsPerOrganization: 2}})
	acme, other := r.Org(t), r.Org(t)
	content, first := rig.Content(10)
	_, second := rig.Content(10)
	_, third := rig.Content(10)
	p := presign(t, r, acme, first, 10)
	presign(t, r, acme, second, 10)
	presign(t, r, acme, second, 10)
	if _, _, err := r.Direct.Upload(t.Context(), uploader(acme), direct.Upload{Digest: third, Size: 10}, false); reason(err) != direct.ReasonTooMany {
		t.Errorf("a third: %v", err)
	}
	presign(t, r, other, third, 10)
	mustSend(t, p, content)
	if _, created, err := r.Direct.Confirm(t.Context(), uploader(acme), first); err != nil || !created {
		t.Fatal(created, err)
	}
	presign(t, r, acme, third, 10)
}

// The artifact came through the CAS while the request was out: it is not recorded twice,
// and nothing is left waiting. In parts, S3 has no sha256 of it.
func TestCameThroughTheCAS(t *testing.T) {
	t.Parallel()
	known := &catalogue{}
	r := rig.New(t, rig.Options{Reuse: rig.LongReuse, Recorder: known})
	acme := r.Org(t)
	content, d := rig.Content(6 << 20)
	p := presign(t, r, acme, d, len(content))
	if _, err := r.Store.Put(t.Context(), cas.Ref{Org: acme, Digest: d}, cas.UnknownLength, bytes.NewReader(content), cas.Label{}); err != nil {
		t.Fatal(err)
	}
	if status, code, _ := send(t, rig.Stranger(t), request(t.Context(), t, p, content)); status != http.StatusPreconditionFailed {
		t.Error(status, code)
	}
	if size, created, err := r.Direct.Confirm(t.Context(), uploader(acme), d); err != nil || created || size != int64(len(content)) {
		t.Errorf("%d bytes, created %t, %v", size, created, err)
	}
	if len(known.entries()) != 0 || unconfirmed(t, r) != 0 {
		t.Errorf("%d records, %d unconfirmed", len(known.entries()), unconfirmed(t, r))
	}
}

// A Presigned in a log or an error is no URL.
func TestPresignedDoesNotPrintItself(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{})
	_, d := rig.Content(1)
	p := presign(t, r, r.Org(t), d, 1)
	for _, text := range []string{p.String(), p.GoString()} {
		if strings.Contains(text, "Signature") || strings.Contains(text, "localhost") {
			t.Error(text)
		}
	}
}
