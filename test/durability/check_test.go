package durability

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// check holds a daemon that has just started on dir against the ledger.
func check(t *testing.T, client *s3.Client, dir string, l *ledger) {
	t.Helper()
	objects := readAll(t, client)
	for key, acked := range l.acked {
		if objects[key] == nil {
			t.Errorf("%s is lost: generation %d was acknowledged", key, acked)
		}
	}
	blobs := 0
	for key, got := range objects {
		blobs += blobsOf(key)
		now := l.generation(key, got)
		if now < 0 {
			t.Errorf("%s holds %d bytes that are no generation between %d, which was acknowledged, and %d, which was tried",
				key, len(got), l.acked[key], l.tried[key])
			continue
		}
		l.acked[key] = now
	}
	open := l.listUploads(t, client)
	for _, u := range open {
		blobs += len(u.parts)
	}
	for id, a := range l.uploads {
		switch u, listed := open[id]; {
		case listed && a.done:
			t.Errorf("upload %s of %s was completed and is still there", id, a.key)
		case listed && len(u.parts) < a.parts:
			t.Errorf("upload %s of %s has %d parts: %d were acknowledged", id, a.key, len(u.parts), a.parts)
		case !listed && !a.completing:
			t.Errorf("upload %s of %s is lost", id, a.key)
		case !listed && !a.done && l.acked[a.key] != a.generation:
			t.Errorf("upload %s of %s is gone, and there is no object of it", id, a.key)
		case listed && l.acked[a.key] == a.generation:
			t.Errorf("upload %s of %s is an object and is still there", id, a.key)
		}
	}
	// Neither what was in progress nor what was replaced may stay behind.
	if n := filesUnder(t, filepath.Join(dir, "blobs")); n != blobs {
		t.Errorf("%d files of blobs: %d are in use", n, blobs)
	}
	l.endUploads(t, client, open)
}

// generation returns which generation of key got is, -1 for none that may be there.
func (l *ledger) generation(key string, got []byte) int {
	for g := max(1, l.acked[key]); g <= l.tried[key]; g++ {
		if bytes.Equal(got, content(key, g)) {
			return g
		}
	}
	return -1
}

// unfinished is an upload as S3 lists it.
type unfinished struct {
	key   string
	parts []types.CompletedPart
}

func (l *ledger) listUploads(t *testing.T, client *s3.Client) map[string]unfinished {
	t.Helper()
	open := map[string]unfinished{}
	out, err := client.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: aws.String(bucket)})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range out.Uploads {
		listed, err := client.ListParts(t.Context(), &s3.ListPartsInput{Bucket: aws.String(bucket), Key: u.Key, UploadId: u.UploadId})
		if err != nil {
			t.Fatal(err)
		}
		item := unfinished{key: *u.Key}
		for _, p := range listed.Parts {
			item.parts = append(item.parts, types.CompletedPart{PartNumber: p.PartNumber, ETag: p.ETag, ChecksumCRC32: p.ChecksumCRC32})
		}
		open[*u.UploadId] = item
	}
	return open
}

// endUploads completes the uploads that have all their parts and aborts the others.
func (l *ledger) endUploads(t *testing.T, client *s3.Client, open map[string]unfinished) {
	t.Helper()
	for id, u := range open {
		a := l.uploads[id]
		if a == nil || len(u.parts) < 2 { // nil: the answer that named it was cut off
			_, err := client.AbortMultipartUpload(t.Context(), &s3.AbortMultipartUploadInput{Bucket: aws.String(bucket), Key: &u.key, UploadId: &id})
			if err != nil {
				t.Errorf("abort upload %s: %v", id, err)
			}
			continue
		}
		if err := complete(t.Context(), client, u.key, id, u.parts); err != nil {
			t.Errorf("complete upload %s: %v", id, err)
			continue
		}
		if got := get(t, client, u.key); !bytes.Equal(got, content(a.key, a.generation)) {
			t.Errorf("%s, completed after the kill, is not what was uploaded", u.key)
		}
		l.acked[a.key] = a.generation
	}
	clear(l.uploads)
}

func readAll(t *testing.T, client *s3.Client) map[string][]byte {
	t.Helper()
	objects := map[string][]byte{}
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: aws.String(bucket)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			objects[*o.Key] = get(t, client, *o.Key)
		}
	}
	return objects
}

func get(t *testing.T, client *s3.Client, key string) []byte {
	t.Helper()
	out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: &key})
	if err != nil {
		t.Errorf("%s is listed and cannot be read: %v", key, err)
		return []byte{}
	}
	defer out.Body.Close()
	got, err := io.ReadAll(out.Body)
	if err != nil {
		t.Errorf("read %s: %v", key, err)
	}
	return got
}

func filesUnder(t *testing.T, dir string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}
