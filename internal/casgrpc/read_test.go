package casgrpc_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"testing"

	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/grpc/codes"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/emulator/faults"
	"github.com/managedcas/managedcas/test/rig"
)

// W12: read_offset and read_limit, as bytestream.proto defines them.
func TestW12_OffsetAndLimit(t *testing.T) {
	t.Parallel()
	const size = 300_000
	s := newSite(t, rig.Options{})
	content, _ := rig.Content(size)
	d, empty := s.put(t, content), s.put(t, nil)
	for _, row := range []struct {
		of            digest.Digest
		offset, limit int64
		want          []byte
		code          codes.Code
	}{
		{d, 0, 0, content, codes.OK}, {d, 0, 1, content[:1], codes.OK}, {d, 1, 0, content[1:], codes.OK},
		{d, 1000, 270_000, content[1000:271_000], codes.OK}, {d, size - 1, 5, content[size-1:], codes.OK},
		{d, 0, math.MaxInt64, content, codes.OK}, {d, 7, math.MaxInt64, content[7:], codes.OK},
		{d, size, 0, nil, codes.OK}, {d, size, 9, nil, codes.OK}, {empty, 0, 9, nil, codes.OK},
		{d, size + 1, 0, nil, codes.OutOfRange}, {d, math.MaxInt64, math.MaxInt64, nil, codes.OutOfRange},
		{empty, 1, 0, nil, codes.OutOfRange}, {d, -1, 0, nil, codes.OutOfRange},
		{d, 0, -1, nil, codes.InvalidArgument}, {d, math.MinInt64, 5, nil, codes.OutOfRange},
	} {
		got, err := s.read(t, s.downloader(row.of), &bytestream.ReadRequest{ResourceName: row.of.Hex(), ReadOffset: row.offset, ReadLimit: row.limit})
		code(t, "reading", err, row.code)
		if !bytes.Equal(got, row.want) {
			t.Errorf("offset %d, limit %d: %d bytes, want %d", row.offset, row.limit, len(got), len(row.want))
		}
	}
}

// W7, W8: a reset of S3 is neither the end nor a reason to send a byte twice, and one
// that stays is Unavailable.
func TestW7_W8_ResetsOfS3(t *testing.T) {
	t.Parallel()
	const size = 12 << 20
	s := newSite(t, rig.Options{})
	content, _ := rig.Content(size)
	d := s.put(t, content)
	for _, row := range []struct {
		rule faults.Rule
		want codes.Code
	}{
		{faults.Rule{Kind: faults.CutDuring, Count: 1}, codes.OK},
		{faults.Rule{Kind: faults.CutDuring, Bytes: 300_000, Count: 3}, codes.OK},
		{faults.Rule{Kind: faults.CutDuring, Bytes: 300_000}, codes.Unavailable},
		{faults.Rule{Kind: faults.CutDuring, Bytes: 1}, codes.Unavailable},
	} {
		row.rule.Operation = "GetObject"
		if err := s.AWS.Faults().Replace(faults.Plan{Rules: []faults.Rule{row.rule}}); err != nil {
			t.Fatal(err)
		}
		got, err := s.read(t, s.downloader(d), &bytestream.ReadRequest{ResourceName: d.Hex()})
		code(t, "reading", err, row.want)
		if !bytes.Equal(got, content[:len(got)]) || (len(got) == size) != (row.want == codes.OK) {
			t.Errorf("%+v: %d bytes, the first of the artifact: %t", row.rule, len(got), bytes.Equal(got, content[:len(got)]))
		}
	}
}

// W9: other bytes are DataLoss, which no client takes for a bad token, and they do not
// all come.
func TestW9_OtherBytesAreDataLoss(t *testing.T) {
	t.Parallel()
	var wire rig.Damage
	s := newSite(t, rig.Options{Wire: wire.Between})
	content, _ := rig.Content(1 << 20)
	d := s.put(t, content)
	for _, bit := range []int{0, 4 << 20, 8<<20 - 1} {
		wire.Do(rig.Flip(bit))
		got, err := s.read(t, s.downloader(d), &bytestream.ReadRequest{ResourceName: d.Hex()})
		code(t, "flipped", err, codes.DataLoss)
		if len(got) >= 1<<20 {
			t.Errorf("bit %d: all of it came", bit)
		}
	}
}

// W10: a download is one request to S3, and its messages are large.
func TestW10_FewMessages(t *testing.T) {
	t.Parallel()
	const size = 12 << 20
	s := newSite(t, rig.Options{})
	content, _ := rig.Content(size)
	d := s.put(t, content)
	stream, err := bytestream.NewByteStreamClient(s.conn).Read(s.Bearer(t, t.Context(), s.downloader(d)), &bytestream.ReadRequest{ResourceName: d.Hex()})
	if err != nil {
		t.Fatal(err)
	}
	messages := 0
	for ; err == nil; messages++ {
		_, err = stream.Recv()
	}
	if !errors.Is(err, io.EOF) || messages > 50 {
		t.Errorf("%d messages, %v", messages, err)
	}
}

// W13: what is missing is NotFound, however it is asked for.
func TestW13_MissingIsNotFound(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{})
	_, d := rig.Content(9)
	for _, offset := range []int64{0, 1} {
		_, err := s.read(t, s.downloader(d), &bytestream.ReadRequest{ResourceName: d.Hex(), ReadOffset: offset})
		code(t, "missing", err, codes.NotFound)
	}
}
