package client_test

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/client"
	"github.com/managedcas/managedcas/internal/direct"
	"github.com/managedcas/managedcas/internal/emulator/faults"
	"github.com/managedcas/managedcas/internal/problem"
	casv1 "github.com/managedcas/managedcas/proto/cas/v1"
	"github.com/managedcas/managedcas/test/rig"
)

// large is what Auto transfers directly.
const large = 8 << 20

// carried counts the transfers of content between the CAS and S3.
type carried struct{ up, down atomic.Int64 }

func (c *carried) between(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if strings.Contains(r.URL.Path, "sha256:") {
			switch r.Method {
			case http.MethodPut:
				c.up.Add(1)
			case http.MethodGet:
				c.down.Add(1)
			}
		}
		return next.RoundTrip(r)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (c *carried) by(t *testing.T, up, down bool) {
	t.Helper()
	if c.up.Swap(0) > 0 != up || c.down.Swap(0) > 0 != down {
		t.Errorf("carried by the CAS: up %t, down %t; want %t, %t", !up, !down, up, down)
	}
}

// Always: the bytes go to S3 and come from there, with the progress that was promised.
func TestAlwaysDirect(t *testing.T) {
	t.Parallel()
	var through carried
	r := rig.New(t, rig.Options{Direct: direct.Allowed, Wire: through.between})
	c := connect(t, r.Site(t, "acme")).Directly(client.Always)
	for _, size := range []int{0, 1, 3_500_000} {
		content, d := rig.Content(size)
		path := file(t, "ä b.bin", content)
		r.Forget()
		for _, again := range []bool{false, true} {
			want := int64(size)
			if again {
				want = 0 // it is there already
			}
			var up int64
			got, err := c.Upload(t.Context(), path, "", func(moved, _ int64) { up += moved })
			if artifact := (client.Artifact{Digest: d, Size: int64(size), FileName: "ä b.bin"}); err != nil || got.Artifact != artifact || got.Created == again || up != want {
				t.Fatalf("%d bytes: %+v, progress %d, %v", size, got, up, err)
			}
		}
		var out bytes.Buffer
		var down int64
		got, err := c.Download(t.Context(), d, &out, func(moved, _ int64) { down += moved })
		if err != nil || got.FileName != "ä b.bin" || !bytes.Equal(out.Bytes(), content) || down != int64(size) {
			t.Errorf("%d bytes: %+v, %d of them, progress %d, %v", size, got, out.Len(), down, err)
		}
		if calls := r.Calls(); calls["PutObject"] != 1 || calls["GetObject"] != 1 {
			t.Errorf("%d bytes: calls %v", size, calls)
		}
		if due, err := r.DB.DueDirectUploads(t.Context(), time.Now().AddDate(1, 0, 0), 10); err != nil || len(due) != 0 {
			t.Errorf("unconfirmed: %v, %v", due, err)
		}
	}
	through.by(t, false, false)
}

// Auto asks from 8 MiB on, and goes where it is recommended. Never does not ask.
func TestAutoDirect(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		mode   direct.Mode
		way    client.Direct
		size   int
		direct bool
	}{
		{direct.Recommended, client.Auto, large, true},
		{direct.Recommended, client.Auto, large - 1, false},
		{direct.Recommended, client.Never, large, false},
		{direct.Recommended, "", large, false},
		{direct.Allowed, client.Auto, large, false},
		{direct.Off, client.Auto, large, false},
	} {
		var through carried
		var log logged
		r := rig.New(t, rig.Options{Direct: row.mode, Wire: through.between, Log: &log})
		c := connect(t, r.Site(t, "acme")).Directly(row.way)
		content, d := rig.Content(row.size)
		if _, err := c.Upload(t.Context(), file(t, "f", content), "", nil); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, err := c.Download(t.Context(), d, &out, nil); err != nil || !bytes.Equal(out.Bytes(), content) {
			t.Errorf("%+v: %v", row, err)
		}
		through.by(t, !row.direct, !row.direct)
		if log.has("artifact request failed") {
			t.Errorf("%+v: that it goes another way is logged as a failure", row)
		}
	}
}

// logged is a log that is written while it is read.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), text)
}

// Whatever goes wrong on the direct way, Auto stores and fetches all the same; Always says
// what it was. No URL is in what it says.
func TestFallingBack(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name     string
		rule     faults.Rule
		kind     problem.Kind // what Always says
		up, down bool         // what Auto does through the CAS
	}{
		{"upload throttled", faults.Rule{Operation: "PutObject", Kind: faults.Throttle, Count: 1}, problem.Unavailable, true, false},
		{"upload refused", faults.Rule{Operation: "PutObject", Kind: faults.Failure, Status: 403, Code: "AccessDenied", Count: 1}, problem.Denied, true, false},
		{"upload cut", faults.Rule{Operation: "PutObject", Kind: faults.CutDuring, Count: 1}, problem.Unavailable, true, false},
		{"download throttled", faults.Rule{Operation: "GetObject", Kind: faults.Throttle, Count: 1}, problem.Unavailable, false, true},
		{"download cut", faults.Rule{Operation: "GetObject", Kind: faults.CutDuring, Count: 1}, problem.Unavailable, false, true},
		{"download cut before anything", faults.Rule{Operation: "GetObject", Kind: faults.CutBefore, Count: 2}, problem.Unavailable, false, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var through carried
			r := rig.New(t, rig.Options{Wire: through.between})
			c := connect(t, r.Site(t, "acme"))
			for _, way := range []client.Direct{client.Auto, client.Always} {
				row.rule.Service = "s3"
				if err := r.AWS.Faults().Replace(faults.Plan{Rules: []faults.Rule{row.rule}}); err != nil {
					t.Fatal(err)
				}
				content, d := rig.Content(large)
				var moved int64
				count := func(n, _ int64) { moved += n }
				_, err := c.Directly(way).Upload(t.Context(), file(t, "f", content), "", count)
				var out bytes.Buffer
				if err == nil {
					if moved != large {
						t.Errorf("upload: progress of %d", moved)
					}
					moved = 0
					_, err = c.Directly(way).Download(t.Context(), d, &out, count)
				}
				if way == client.Auto {
					if err != nil || !bytes.Equal(out.Bytes(), content) || moved != large {
						t.Errorf("%d bytes, progress %d, %v", out.Len(), moved, err)
					}
					through.by(t, row.up, row.down)
					continue
				}
				if err == nil || problem.KindOf(err) != row.kind || strings.Contains(problem.From(err).Public()+err.Error(), "Signature") {
					t.Errorf("%v", err)
				}
				through.by(t, false, false)
			}
		})
	}
}

// S3 has stored it and the confirmation fails: it is not sent again.
func TestUnconfirmed(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{})
	c := connect(t, r.Site(t, "acme")).Directly(client.Auto)
	content, d := rig.Content(large)
	broken := faults.Rule{Service: "s3", Operation: "HeadObject", Kind: faults.Failure, Count: 10}
	if err := r.AWS.Faults().Replace(faults.Plan{Rules: []faults.Rule{broken}}); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Upload(t.Context(), file(t, "f", content), "", nil); err != nil || got.Digest != d {
		t.Errorf("%+v, %v", got, err)
	}
	if calls := r.Calls(); calls["PutObject"] != 1 || calls["UploadPart"] != 0 {
		t.Errorf("calls %v", calls)
	}
}

// An artifact CAS that knows of no such thing.
func TestDirectWithAnotherCAS(t *testing.T) {
	t.Parallel()
	content, d := rig.Content(large)
	site := rig.New(t, rig.Options{}).Site(t, "acme")
	site.ArtifactCAS = rig.Liar(t, &casv1.CASResource{Digest: d.Hex(), Size: large}, content[:4<<20])
	var out bytes.Buffer
	_, err := connect(t, site).Directly(client.Always).Download(t.Context(), d, &out, nil)
	if problem.KindOf(err) != problem.Unimplemented {
		t.Errorf("always: %v", err)
	}
	if _, err := connect(t, site).Directly(client.Auto).Download(t.Context(), d, &out, nil); problem.KindOf(err) != problem.Corrupt || out.Len() != 4<<20-1 {
		t.Errorf("auto: %d bytes, %v", out.Len(), err) // it went to the liar, who sends half
	}
}

// What S3 sends is verified like what the CAS sends: the last byte never comes.
func TestDirectDownloadIsVerified(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{})
	c := connect(t, r.Site(t, "acme"))
	content, d := rig.Content(large)
	if _, err := c.Upload(t.Context(), file(t, "f", content), "", nil); err != nil {
		t.Fatal(err)
	}
	r.Rot(t)
	for _, way := range []client.Direct{client.Auto, client.Always} {
		var out bytes.Buffer
		if _, err := c.Directly(way).Download(t.Context(), d, &out, nil); err == nil || out.Len() >= large {
			t.Errorf("%s: %d bytes, %v", way, out.Len(), err)
		}
	}
}

// What --direct takes.
func TestWays(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{"auto": true, "always": true, "never": true, "": false, "Always": false, "yes": false} {
		var d client.Direct
		if err := d.UnmarshalText([]byte(text)); (err == nil) != ok || ok && string(d) != text {
			t.Errorf("%q: %q, %v", text, d, err)
		}
	}
}
