package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
)

const (
	writeMethod    = "google.bytestream.ByteStream/Write"
	readMethod     = "google.bytestream.ByteStream/Read"
	describeMethod = "cas.v1.ResourceService/Describe"
)

// helloName is what the stock client sends for hello.txt with "hello\n" in it, byte for
// byte (§5.3).
const helloName = "OX8DAQELQ0FTUmVzb3VyY2UB/4AAAQMBCEZpbGVOYW1lAQwAAQZEaWdlc3QBDAABBFNpemUBBAAAAFD/gAEJaGVsbG8udHh0AUA1ODkxYjViNTIyZDVkZjA4NmQwZmYwYjExMGZiZDlkMjFiYjRmYzcxNjNhZjM0ZDA4Mjg2YTJlODQ2ZjZiZTAzAA=="

func hexOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// nameOf is the resource name of an upload.
func nameOf(t *testing.T, file string, content []byte) string {
	t.Helper()
	type CASResource struct {
		FileName, Digest string
		Size             int64
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(&CASResource{FileName: file, Digest: hexOf(content)}); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// pieces are the messages of an upload as the stock client sends them: 1 MiB each, the name
// repeated, and a last one that only says that it is the last (§5.4).
func pieces(name string, content []byte) [][]byte {
	var all [][]byte
	for len(content) > 0 {
		n := min(len(content), 1<<20)
		all = append(all, append(text(1, name), data(10, content[:n])...))
		content = content[n:]
	}
	return append(all, append(text(1, name), yes(3)...))
}

// read returns an artifact.
func (s site) read(t *testing.T, digest string) ([]byte, error) {
	t.Helper()
	answers, err := s.cas(t, 1, "sha256:"+digest).exchange(t, readMethod, [][]byte{text(1, digest)}, true)
	var content []byte
	for _, a := range answers {
		a.only(t, "ReadResponse", 10)
		content = append(content, a.text(10)...)
	}
	return content, err
}

// §5.2–§5.6: what is written is described and read; each shape of a stream.
func TestUploads(t *testing.T) {
	t.Parallel()
	s := newSite(t, "uploads")
	large := bytes.Repeat([]byte("0123456789"), 350_000) // 3,500,000 bytes, as in §5.4
	one := func(b ...[]byte) []byte { return bytes.Join(b, nil) }
	shapes := map[string]struct {
		file, told string // as it was sent, and as it is told
		content    []byte
		messages   func(name string, content []byte) [][]byte
	}{
		"four messages and a finish": {"large.bin", "large.bin", large, pieces},
		"empty file":                 {"empty.txt", "empty.txt", nil, pieces},
		"finish with the data, name once": {"once", "once", []byte("two messages"), func(name string, c []byte) [][]byte {
			return [][]byte{one(text(1, name), data(10, c[:4])), one(data(10, c[4:]), yes(3))}
		}},
		"newline":     {"a\nb", "a_b", []byte("newline"), pieces},
		"a path":      {"../../etc/passwd", "passwd", []byte("path"), pieces},
		"backslashes": {`..\..\x`, "x", []byte("backslashes"), pieces},
		"emoji":       {"🚀.txt", "🚀.txt", []byte("emoji"), pieces},
		"quotes":      {`a"b;c`, `a"b;c`, []byte("quotes"), pieces},
		"300 bytes":   {strings.Repeat("n", 296) + ".txt", strings.Repeat("n", 251) + ".txt", []byte("long"), pieces},
	}
	for what, tc := range shapes {
		digest := hexOf(tc.content)
		answers, err := s.cas(t, 2, "").exchange(t, writeMethod, tc.messages(nameOf(t, tc.file, tc.content), tc.content), true)
		if err != nil || len(answers) != 1 || answers[0].number(1) != uint64(len(tc.content)) {
			t.Errorf("%s: %v, %v", what, answers, err)
			continue
		}
		answers[0].only(t, "WriteResponse", 1)
		told := s.cas(t, 1, "sha256:"+digest).must(t, describeMethod, text(1, digest)).at(t, 1)
		told.only(t, "CASResource", 1, 2, 3)
		if told.text(1) != tc.told || told.text(2) != digest || told.number(3) != uint64(len(tc.content)) {
			t.Errorf("%s: told %q %q %d", what, told.text(1), told.text(2), told.number(3))
		}
		if got, err := s.read(t, digest); err != nil || !bytes.Equal(got, tc.content) {
			t.Errorf("%s: read %d bytes, %v", what, len(got), err)
		}
	}
}

// §5.3, §5.5: the client's own bytes; and again, with the same success.
func TestHelloOfTheStockClient(t *testing.T) {
	t.Parallel()
	s := newSite(t, "hello")
	for range 2 {
		answers, err := s.cas(t, 2, "").exchange(t, writeMethod, pieces(helloName, []byte("hello\n")), true)
		if err != nil || len(answers) != 1 {
			t.Fatalf("%v, %v", answers, err)
		}
	}
	if told := s.cas(t, 1, "sha256:"+hexOf([]byte("hello\n"))).must(t, describeMethod, text(1, hexOf([]byte("hello\n")))).at(t, 1); told.text(1) != "hello.txt" {
		t.Errorf("told %q", told.text(1))
	}
}

// §5.5: what is refused, with which code; nothing of it is stored.
func TestUploadsThatAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, "refused")
	content, over := []byte("refused"), make([]byte, maxArtifact+1)
	good := pieces(nameOf(t, "f", content), content)
	foreign := s.cas(t, 1, "sha256:"+hexOf(content))
	bad := s.cas(t, 2, "")
	bad.token = bad.token[:len(bad.token)-8] + "AAAAAAAA"
	for what, tc := range map[string]struct {
		caller   caller
		messages [][]byte
		code     codes.Code
		digest   string
	}{
		"half-close without finish": {s.cas(t, 2, ""), good[:1], codes.InvalidArgument, hexOf(content)},
		"other content":             {s.cas(t, 2, ""), pieces(nameOf(t, "f", content), []byte("poison")), codes.InvalidArgument, hexOf(content)},
		"a byte too many":           {s.cas(t, 2, ""), pieces(nameOf(t, "f", over), over), codes.ResourceExhausted, hexOf(over)},
		"no name":                   {s.cas(t, 2, ""), [][]byte{append(data(10, content), yes(3)...)}, codes.InvalidArgument, hexOf(content)},
		"no gob":                    {s.cas(t, 2, ""), pieces("aGVsbG8=", content), codes.InvalidArgument, hexOf(content)},
		"a downloader's token":      {foreign, good, codes.PermissionDenied, hexOf(content)},
		"a broken token":            {bad, good, codes.Unauthenticated, hexOf(content)},
		"no token":                  {caller{conn: bad.conn}, good, codes.Unauthenticated, hexOf(content)},
		"an API token":              {caller{conn: bad.conn, token: s.controlplane.token}, good, codes.Unauthenticated, hexOf(content)},
	} {
		_, err := tc.caller.exchange(t, writeMethod, tc.messages, true)
		refused{code: tc.code}.check(t, what, err)
		_, err = s.read(t, tc.digest)
		refused{code: codes.NotFound}.check(t, what+", then read", err)
	}
	if answers, err := s.cas(t, 2, "").exchange(t, writeMethod, good, true); err != nil || len(answers) != 1 {
		t.Errorf("the honest upload: %v, %v", answers, err)
	}
	whole := make([]byte, maxArtifact)
	if answers, err := s.cas(t, 2, "").exchange(t, writeMethod, pieces(nameOf(t, "f", whole), whole), true); err != nil || len(answers) != 1 {
		t.Errorf("as large as may be: %v, %v", answers, err)
	}
}

// §4, §5.2: a download is of what its token is for.
func TestDownloadsThatAreRefused(t *testing.T) {
	t.Parallel()
	s, other := newSite(t, "downloads"), newSite(t, "elsewhere")
	content := []byte("content of one organization")
	digest := hexOf(content)
	if _, err := other.cas(t, 2, "").exchange(t, writeMethod, pieces(nameOf(t, "f", content), content), true); err != nil {
		t.Fatal(err)
	}
	_, err := s.read(t, digest)
	refused{code: codes.NotFound}.check(t, "what only another organization has", err)
	_, err = s.cas(t, 1, "sha256:"+digest).call(t, describeMethod, text(1, digest))
	refused{code: codes.NotFound}.check(t, "describe it", err)
	_, err = other.cas(t, 1, "sha256:"+hexOf(nil)).exchange(t, readMethod, [][]byte{text(1, digest)}, true)
	refused{code: codes.PermissionDenied}.check(t, "with another digest's token", err)
	for _, typed := range []string{"", digest, "sha256:" + strings.ToUpper(digest), "sha256:../x", "sha512:" + digest} {
		_, err := s.controlplane.call(t, "controlplane.v1.CASCredentialsService/Get", number(1, 1), text(2, typed))
		refused{code: codes.InvalidArgument}.check(t, "typed "+typed, err)
	}
}

// §4, §5.7: the way to a download over HTTP.
func TestDownloadURL(t *testing.T) {
	t.Parallel()
	s := newSite(t, "redirects")
	content := []byte("over HTTP")
	digest := "sha256:" + hexOf(content)
	if _, err := s.cas(t, 2, "").exchange(t, writeMethod, pieces(nameOf(t, "f.txt", content), content), true); err != nil {
		t.Fatal(err)
	}
	url := s.controlplane.must(t, "controlplane.v1.CASRedirectService/GetDownloadURL", text(1, digest)).at(t, 1).text(2)
	if !strings.HasPrefix(url, daemon.CAS.HTTP+"/download/"+digest+"?t=") {
		t.Errorf("URL %.120s", url)
	}
	get := func(url, token string) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(body)
	}
	if resp, body := get(url, ""); resp.StatusCode != http.StatusOK || body != string(content) {
		t.Errorf("%s %q", resp.Status, body)
	}
	for what, tc := range map[string]struct {
		path, token string
		status      int
	}{
		"a token":       {digest, s.controlplane.token, http.StatusFound},
		"none":          {digest, "", http.StatusUnauthorized},
		"a bad one":     {digest, "swordfish", http.StatusUnauthorized},
		"an instance's": {digest, s.admin.token, http.StatusBadRequest},
		"a bad digest":  {"sha256:x", s.controlplane.token, http.StatusBadRequest},
	} {
		resp, _ := get(daemon.Controlplane.HTTP+"/download/"+tc.path, tc.token)
		if resp.StatusCode != tc.status {
			t.Errorf("%s: %s, want %d", what, resp.Status, tc.status)
		}
		if tc.status == http.StatusFound {
			if _, body := get(resp.Header.Get("Location"), ""); body != string(content) {
				t.Errorf("redirected to %q", body)
			}
		}
	}
	_, err := s.controlplane.call(t, "controlplane.v1.CASRedirectService/GetDownloadURL", text(1, "x"))
	refused{code: codes.InvalidArgument}.check(t, "a bad digest", err)
}
