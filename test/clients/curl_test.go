package clients

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// curl answers with the status; the body goes to a file.
func (w *world) curl(t *testing.T, addressing string, args ...string) (status, file string) {
	t.Helper()
	s := w.shell(t, "curl", "--silent", "--show-error", "--max-time", "300", "--write-out", "%{http_code}")
	if addressing == "ARN" {
		s = s.proxied(w)
	}
	file = filepath.Join(t.TempDir(), "body")
	return s.run(t, append([]string{"--output", file}, args...)...), file
}

// TestPresignedWithCurl: a presigned URL is all that a program needs, for its own
// method, object and time only.
func TestPresignedWithCurl(t *testing.T) {
	t.Parallel()
	content := filepath.Join(t.TempDir(), "content")
	fill(t, content, 1<<20+1)
	for _, addressing := range []string{"bucket", "alias", "ARN"} {
		t.Run(addressing, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			client := s3.NewFromConfig(w.config(t, w.session), func(o *s3.Options) {
				// Over http an ARN goes in front of the endpoint, other names into the path.
				o.UsePathStyle = addressing != "ARN"
			})
			presign := s3.NewPresignClient(client, s3.WithPresignExpires(soon))
			where, key := w.where(t, addressing), prefix+"/a b+ü%41"
			put, err := presign.PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: &where, Key: &key})
			if err != nil {
				t.Fatal(err)
			}
			get, err := presign.PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: &where, Key: &key})
			if err != nil {
				t.Fatal(err)
			}
			beyond, err := presign.PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: &where, Key: aws.String("not-mine/x")})
			if err != nil {
				t.Fatal(err)
			}
			demand := func(what, want string, args ...string) (file string) {
				t.Helper()
				status, file := w.curl(t, addressing, args...)
				if status != want {
					body, _ := os.ReadFile(file)
					t.Fatalf("%s: %s, want %s: %s", what, status, want, body)
				}
				return file
			}
			demand("PUT", "200", "--upload-file", content, put.URL)
			if back := demand("GET", "200", get.URL); sum(t, back) != sum(t, content) {
				t.Error("what came back is not what went in")
			}
			demand("range", "206", "--range", "5-9", get.URL)
			demand("DELETE with the URL of a GET", "403", "--request", "DELETE", get.URL)
			demand("altered", "403", strings.Replace(get.URL, "X-Amz-Expires=300", "X-Amz-Expires=301", 1))
			demand("outside the session's prefix", "403", "--upload-file", content, beyond.URL)
		})
	}
}

// TestCurlSigns: curl's own --aws-sigv4 is enough for S3 when it is given the header
// that S3 wants and curl 7.88 leaves out.
func TestCurlSigns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	content := filepath.Join(t.TempDir(), "content")
	fill(t, content, 1000)
	signed := []string{
		"--aws-sigv4", "aws:amz:" + w.Region + ":s3", "--user", w.session.AccessKeyID + ":" + w.session.SecretAccessKey,
		"--header", "x-amz-security-token: " + w.session.SessionToken, "--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD",
	}
	object := w.URL + "/" + bucket + "/" + prefix + "/curl"
	if status, file := w.curl(t, "bucket", append(signed, "--upload-file", content, object)...); status != "200" {
		body, _ := os.ReadFile(file)
		t.Fatalf("PUT: %s %s", status, body)
	}
	if status, file := w.curl(t, "bucket", append(signed, object)...); status != "200" || sum(t, file) != sum(t, content) {
		t.Errorf("GET: %s", status)
	}
}

// TestOldSignatureIsRefused: s3cmd signs URLs with Signature Version 2, which access
// points do not know and new Regions never had.
func TestOldSignatureIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := w.s3cmd(t, "s3cmd", "bucket").(s3cmd)
	url := client.run(t, "signurl", client.where+"hello.txt", "+60")
	status, file := w.curl(t, "bucket", url)
	body, err := os.ReadFile(file)
	if err != nil || status != "400" || !strings.Contains(string(body), "Signature Version 2") {
		t.Errorf("%s: %s %s, %v", url, status, body, err)
	}
}
