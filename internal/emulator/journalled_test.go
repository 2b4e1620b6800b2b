package emulator

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"testing"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/journal"
)

// lingering is a service that has sent all of an answer and does not end.
type lingering struct {
	mirror
	send func(http.ResponseWriter, []byte)
	end  chan struct{}
}

func (l *lingering) Serve(w http.ResponseWriter, _ *http.Request, req *api.Request) error {
	req.Resource = "the answer"
	w.Header().Set("Content-Length", strconv.Itoa(64<<10))
	l.send(w, bytes.Repeat([]byte{'x'}, 64<<10))
	if err := http.NewResponseController(w).Flush(); err != nil {
		return err
	}
	<-l.end
	req.Resource = "the end"
	return nil
}

// Whoever has read an answer finds it in the journal, wherever its server is; and one that
// was forgotten meanwhile does not come back.
func TestJournalKnowsWhatClientsKnow(t *testing.T) {
	t.Parallel()
	write := func(w http.ResponseWriter, p []byte) { _, _ = w.Write(p) }
	for _, c := range []struct {
		send      func(http.ResponseWriter, []byte)
		forgotten bool
	}{
		{write, false},
		{write, true},
		{func(w http.ResponseWriter, p []byte) { w.WriteHeader(http.StatusOK); write(w, p) }, false},
		{func(w http.ResponseWriter, p []byte) { w.WriteHeader(http.StatusEarlyHints); write(w, p) }, false},
		{func(w http.ResponseWriter, p []byte) { _, _ = io.Copy(w, bytes.NewBuffer(p)) }, false},
		{func(w http.ResponseWriter, p []byte) { _, _ = w.(io.ReaderFrom).ReadFrom(bytes.NewReader(p)) }, false},
	} {
		forgotten := c.forgotten
		f, _, server := startFrame(t)
		service := &lingering{send: c.send, end: make(chan struct{})}
		f.services["s3"] = service
		response, err := server.Client().Do(call{service: "s3", path: "/b/k"}.request(t, server.URL))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(response.Body)
		if err != nil || len(got) != 64<<10 {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		_ = response.Body.Close()
		entries := f.journal.Entries(journal.Filter{})
		if len(entries) != 1 || entries[0].Status != http.StatusOK || entries[0].Resource != "the answer" || entries[0].Caller != aliceARN {
			t.Errorf("when the answer has come: %+v", entries)
		}
		if forgotten {
			f.journal.Clear()
		}
		close(service.end)
		server.Close() // when everything is served
		entries = f.journal.Entries(journal.Filter{})
		if forgotten && len(entries) != 0 || !forgotten && (len(entries) != 1 || entries[0].Resource != "the end") {
			t.Errorf("at the end, forgotten %t: %+v", forgotten, entries)
		}
	}
}
