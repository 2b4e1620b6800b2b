package casgate_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"

	"google.golang.org/genproto/googleapis/bytestream"

	"github.com/managedcas/managedcas/test/rig"
)

// Every byte of an artifact counts, whichever way it goes: for the metrics, and for the
// pace and the bandwidth that are accounted in the same place.
func TestAllBytesAreCounted(t *testing.T) {
	t.Parallel()
	const size = 300_000
	s := newSite(t, rig.Options{})
	id := s.Org(t)
	content, d := rig.Content(size)
	if err := finish(s.open(t, id, content), content[1:]); err != nil {
		t.Fatal(err)
	}
	s.metric(t, fmt.Sprintf(`managedcas_transfer_bytes_total{kind="upload"} %d`, size))
	stream, err := bytestream.NewByteStreamClient(s.conn).Read(s.Bearer(t, t.Context(), downloader(id, d)), &bytestream.ReadRequest{ResourceName: d.Hex()})
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = stream.Recv()
	}
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	s.metric(t, fmt.Sprintf(`managedcas_transfer_bytes_total{kind="download"} %d`, size))
	if response, body := s.do(t, s.request(t, http.MethodGet, d, downloader(id, d), nil)); response.StatusCode != http.StatusOK || !bytes.Equal([]byte(body), content) {
		t.Fatal(response.Status)
	}
	s.metric(t, fmt.Sprintf(`managedcas_transfer_bytes_total{kind="download"} %d`, 2*size))
	other, d := rig.Content(size)
	if response, _ := s.do(t, s.request(t, http.MethodPut, d, uploader(id), bytes.NewReader(other))); response.StatusCode != http.StatusCreated {
		t.Fatal(response.Status)
	}
	s.metric(t, fmt.Sprintf(`managedcas_transfer_bytes_total{kind="upload"} %d`, 2*size))
}
