package cashttp_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/test/rig"
)

// Over HTTP: what is asked for, what is answered, and what is no question.
func TestPresignAndConfirm(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{Reuse: rig.LongReuse})
	server := r.HTTP(t)
	acme := r.Org(t)
	content, d := rig.Content(100)
	up := r.Token(t, cas.Grant{Org: acme, Role: cas.Uploader})
	down := r.Token(t, cas.Grant{Org: acme, Role: cas.Downloader, Digest: d})
	type answer struct {
		Stored             bool
		Method, URL        string
		Headers            map[string]string
		ExpiresAt          time.Time
		Size               int64
		FileName, Confirm  string
		Kind, Reason, Hint string
	}
	post := func(token, verb, body string) (int, answer) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/v1/artifacts/"+verb, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var a answer
		if err := json.NewDecoder(response.Body).Decode(&a); err != nil {
			t.Errorf("%s %s: %s, %v", verb, body, response.Status, err)
		}
		if got := response.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control %q", verb, got)
		}
		return response.StatusCode, a
	}
	presign, confirm := d.String()+":presign", d.String()+":confirm"
	upload := `{"operation": "upload", "size": 100, "fileName": "a", "mediaType": "text/plain"}`

	for _, row := range []struct {
		name, token, verb, body string
		status                  int
	}{
		{"no token", "", presign, upload, 401},
		{"a token that is none", "x", presign, upload, 401},
		{"a downloader uploads", down, presign, upload, 403},
		{"an uploader downloads", up, presign, `{"operation": "download"}`, 403},
		{"a downloader confirms", down, confirm, "", 403},
		{"nothing has arrived", up, confirm, "", 404},
		{"nothing to be downloaded", down, presign, `{"operation": "download"}`, 404},
		{"no size", up, presign, `{"operation": "upload"}`, 400},
		{"no operation", up, presign, `{"size": 1}`, 400},
		{"another operation", up, presign, `{"operation": "delete"}`, 400},
		{"not JSON", up, presign, "size=1", 400},
		{"an unknown field", up, presign, `{"operation": "upload", "size": 1, "url": "x"}`, 400},
		{"two values", up, presign, upload + upload, 400},
		{"as long as it may be", up, presign, strings.TrimSuffix(upload, "}") + strings.Repeat(" ", 4<<10-len(upload)) + "}", 200},
		{"longer", up, presign, strings.TrimSuffix(upload, "}") + strings.Repeat(" ", 4<<10-len(upload)+1) + "}", 400},
		{"another verb", up, d.String() + ":delete", "", 404},
		{"no verb", up, d.String(), "", 404},
		{"no digest", up, "sha256:xyz:presign", upload, 400},
	} {
		if status, a := post(row.token, row.verb, row.body); status != row.status || status >= 400 && a.Kind == "" || status >= 400 && status != 401 && a.Hint == "" {
			t.Errorf("%s: %d %+v, want %d", row.name, status, a, row.status)
		}
	}

	status, a := post(up, presign, upload)
	if status != 200 || a.Method != "PUT" || a.Confirm != "/v1/artifacts/"+confirm || a.Size != 100 || a.Stored ||
		a.Headers["X-Amz-Checksum-Sha256"] != d.Base64() || a.Headers["If-None-Match"] != "*" || a.Headers["Content-Length"] != "100" {
		t.Fatalf("%d %+v", status, a)
	}
	if life := time.Until(a.ExpiresAt); life < 4*time.Minute || life > 5*time.Minute {
		t.Errorf("lives for %s", life)
	}
	request, err := http.NewRequestWithContext(t.Context(), a.Method, a.URL, strings.NewReader(string(content)))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range a.Headers {
		request.Header.Set(name, value)
	}
	response, err := rig.Stranger(t).Do(request)
	if err != nil || response.StatusCode != 200 {
		t.Fatal(response, err)
	}
	_ = response.Body.Close()
	for _, want := range []int{201, 200} {
		if status, a := post(up, a.Confirm[len("/v1/artifacts/"):], ""); status != want || a.Size != 100 {
			t.Errorf("confirmed with %d %+v, want %d", status, a, want)
		}
	}
	if status, a := post(up, presign, upload); status != 200 || !a.Stored || a.URL != "" || a.Confirm != "" {
		t.Errorf("stored already: %d %+v", status, a)
	}
	if status, a := post(down, presign, `{"operation": "download"}`); status != 200 || a.Method != "GET" || a.Size != 100 || a.FileName != "a" || len(a.Headers) != 0 {
		t.Errorf("download: %d %+v", status, a)
	}
	if status, a := post(down, presign, fmt.Sprintf(`{"operation": "download", "ifRecommended": %t}`, true)); status != 200 {
		t.Errorf("recommended download: %d %+v", status, a)
	}
}
