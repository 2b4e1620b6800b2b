package clients

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/test/sources"
)

// installed is a program in one of its versions, and the ways in which it can name the
// bucket.
type installed struct {
	name, path string
	addressing []string
	start      func(w *world, t *testing.T, path, addressing string) program
}

// programs are the clients that the Debian packages bring, and the aws CLI that comes
// first in PATH when that is another one.
func programs(t *testing.T) []installed {
	t.Helper()
	all := []string{"bucket", "alias", "ARN"}
	list := []installed{
		{"rclone", "rclone", all, (*world).rclone},
		{"s3cmd", "s3cmd", []string{"bucket", "alias"}, (*world).s3cmd},
	}
	const debian = "/usr/bin/aws"
	for _, path := range []string{"aws", debian} {
		found, err := exec.LookPath(path)
		if err != nil && path == debian {
			continue // installed in another way, which is what PATH has
		}
		if err != nil {
			t.Fatal("the aws CLI is not installed; make packages")
		}
		if real, err := filepath.EvalSymlinks(found); err == nil {
			found = real
		}
		if !slices.ContainsFunc(list, func(p installed) bool { return p.path == found }) {
			list = append(list, installed{version(t, found), found, all, (*world).cli})
		}
	}
	return list
}

// version is what the aws CLI calls itself, such as "aws-cli/2.9.19".
func version(t *testing.T, path string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), path, "--version").CombinedOutput()
	if err != nil {
		t.Fatalf("%s --version: %v\n%s", path, err, out)
	}
	name, _, _ := strings.Cut(string(out), " ")
	return strings.ReplaceAll(name, "/", " ")
}

// TestTrees: a tree goes in and comes out as it was, going in again changes nothing,
// one file of it can be given away by URL, and it can be removed; for every client and
// every name of the bucket.
func TestTrees(t *testing.T) {
	t.Parallel()
	sources.Note(t)
	for _, p := range programs(t) {
		for _, addressing := range p.addressing {
			t.Run(p.name+" by "+addressing, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				client := p.start(w, t, p.path, addressing)
				source, back := tree(t), t.TempDir()

				client.up(t, source)
				_, last := w.changes(t, 0)
				client.up(t, source)
				if again, _ := w.changes(t, last); again != nil {
					t.Errorf("the second time, nothing was to be done: %v", again)
				}
				client.down(t, back)
				if diff := cmp.Diff(sums(t, source), sums(t, back)); diff != "" {
					t.Errorf("what came back (+) is not what went in (-):\n%s", diff)
				}
				if signer, ok := client.(signer); ok {
					url := signer.presign(t, "hello.txt")
					if status, file := w.curl(t, addressing, url); status != "200" || sum(t, file) != sum(t, filepath.Join(source, "hello.txt")) {
						t.Errorf("presigned %s: %s", url, status)
					}
				}
				client.remove(t)
				if left := w.keys(t); left != nil {
					t.Errorf("left after removal: %q", left)
				}
			})
		}
	}
}

// keys lists the bucket.
func (w *world) keys(t *testing.T) (keys []string) {
	t.Helper()
	list, err := s3.NewFromConfig(w.config(t, aws.Credentials{AccessKeyID: w.AccessKeyID, SecretAccessKey: w.SecretAccessKey})).
		ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket)})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range list.Contents {
		keys = append(keys, *o.Key)
	}
	return keys
}

// TestBigObject sends one object that every client must cut into parts. The clients
// take turns: together they would need several times the space and memory.
func TestBigObject(t *testing.T) {
	t.Parallel()
	source := t.TempDir()
	fill(t, filepath.Join(source, "big.bin"), bigObject)
	want := sums(t, source)
	for _, p := range programs(t) {
		t.Run(p.name, func(t *testing.T) {
			w := newWorld(t)
			client, back := p.start(w, t, p.path, p.addressing[len(p.addressing)-1]), t.TempDir()
			client.up(t, source)
			if writes, _ := w.changes(t, 0); !slices.ContainsFunc(writes, isPart) {
				t.Error("it was not sent in parts")
			}
			client.down(t, back)
			if diff := cmp.Diff(want, sums(t, back)); diff != "" {
				t.Errorf("what came back (+) is not what went in (-):\n%s", diff)
			}
		})
	}
}

func isPart(write string) bool { return strings.HasPrefix(write, "UploadPart ") }
