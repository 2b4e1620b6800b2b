package wire

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
)

const queryMethod = "google.bytestream.ByteStream/QueryWriteStatus"

// §5.1: how much of an upload has come. The stock client does not ask; Bazel's do.
func TestQueryWriteStatus(t *testing.T) {
	t.Parallel()
	s, other := newSite(t, "queries"), newSite(t, "others-queries")
	content := bytes.Repeat([]byte("query"), 1000)
	digest := hexOf(content)
	const upload = "0f8fad5b-d9cb-469f-a165-70867728950e"
	names := map[string]string{
		"stock": nameOf(t, "f", content), "bare": digest,
		"of Remote Execution": fmt.Sprintf("uploads/%s/blobs/%s/%d", upload, digest, len(content)),
	}
	ask := func(c caller, name string) (message, error) {
		t.Helper()
		return c.call(t, queryMethod, text(1, name))
	}
	for what, name := range names {
		_, err := ask(s.cas(t, 2, ""), name)
		refused{codes.NotFound, "upload not found", ""}.check(t, "before it was sent, "+what, err)
	}
	for _, c := range [][]byte{content, nil} {
		if _, err := s.cas(t, 2, "").exchange(t, writeMethod, pieces(nameOf(t, "f", c), c), true); err != nil {
			t.Fatal(err)
		}
	}
	for what, name := range names {
		got, err := ask(s.cas(t, 2, ""), name)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		got.only(t, "QueryWriteStatusResponse", 1, 2)
		if got.number(1) != uint64(len(content)) || got.number(2) != 1 {
			t.Errorf("%s: %v", what, got)
		}
		_, err = ask(other.cas(t, 2, ""), name)
		refused{codes.NotFound, "upload not found", ""}.check(t, "of another organization, "+what, err)
	}
	if got, err := ask(s.cas(t, 2, ""), hexOf(nil)); err != nil || got.number(1) != 0 || got.number(2) != 1 {
		t.Errorf("an empty artifact: %v, %v", got, err)
	}
	for what, tc := range map[string]struct {
		caller caller
		name   string
		code   codes.Code
	}{
		"another size":         {s.cas(t, 2, ""), strings.Replace(names["of Remote Execution"], "/5000", "/5001", 1), codes.NotFound},
		"no name":              {s.cas(t, 2, ""), "", codes.InvalidArgument},
		"no such form":         {s.cas(t, 2, ""), "blobs/" + digest + "/5000", codes.InvalidArgument},
		"capitals":             {s.cas(t, 2, ""), strings.ToUpper(digest), codes.InvalidArgument},
		"a downloader's token": {s.cas(t, 1, "sha256:"+digest), digest, codes.PermissionDenied},
		"another's digest":     {s.cas(t, 2, "sha256:"+hexOf(nil)), digest, codes.PermissionDenied},
		"an API token":         {caller{conn: s.cas(t, 2, "").conn, token: s.controlplane.token}, digest, codes.Unauthenticated},
		"no token":             {caller{conn: s.cas(t, 2, "").conn}, digest, codes.Unauthenticated},
	} {
		_, err := ask(tc.caller, tc.name)
		refused{code: tc.code}.check(t, what, err)
	}
}

// §5.1, W12: read_offset and read_limit mean what bytestream.proto says.
func TestReadsOfAPart(t *testing.T) {
	t.Parallel()
	s := newSite(t, "parts")
	content := make([]byte, 1<<20+7)
	for i := range content {
		content[i] = byte(i * 7 >> 3)
	}
	digest, size := hexOf(content), uint64(len(content))
	if _, err := s.cas(t, 2, "").exchange(t, writeMethod, pieces(nameOf(t, "f", content), content), true); err != nil {
		t.Fatal(err)
	}
	negative := func(n int64) uint64 { return uint64(n) }
	for _, tc := range []struct {
		offset, limit uint64
		from, to      int
		code          codes.Code
	}{
		{0, 0, 0, len(content), codes.OK},
		{1, 0, 1, len(content), codes.OK},
		{1 << 20, 0, 1 << 20, len(content), codes.OK},
		{5, 10, 5, 15, codes.OK},
		{size - 1, 10, len(content) - 1, len(content), codes.OK},
		{0, math.MaxInt64, 0, len(content), codes.OK},
		{size, 0, 0, 0, codes.OK},
		{size, 1, 0, 0, codes.OK},
		{size + 1, 0, 0, 0, codes.OutOfRange},
		{math.MaxInt64, math.MaxInt64, 0, 0, codes.OutOfRange},
		{negative(-1), 0, 0, 0, codes.OutOfRange},
		{0, negative(-1), 0, 0, codes.InvalidArgument},
	} {
		what := fmt.Sprintf("offset %d, limit %d", int64(tc.offset), int64(tc.limit))
		answers, err := s.cas(t, 1, "sha256:"+digest).exchange(t, readMethod, [][]byte{append(append(text(1, digest), number(2, tc.offset)...), number(3, tc.limit)...)}, true)
		refused{code: tc.code}.check(t, what, err)
		var got []byte
		for _, a := range answers {
			a.only(t, "ReadResponse", 10)
			if len(a.text(10)) == 0 {
				t.Errorf("%s: a message without data", what)
			}
			got = append(got, a.text(10)...)
		}
		if !bytes.Equal(got, content[tc.from:tc.to]) {
			t.Errorf("%s: %d bytes, want those from %d to %d", what, len(got), tc.from, tc.to)
		}
	}
	_, err := s.cas(t, 1, "sha256:"+hexOf(nil)).exchange(t, readMethod, [][]byte{append(text(1, hexOf(nil)), number(2, 1)...)}, true)
	refused{code: codes.NotFound}.check(t, "a part of what is not there", err)
}
