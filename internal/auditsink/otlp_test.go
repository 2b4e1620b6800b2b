package auditsink_test

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/protobuf/proto"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/auditsink"
	"github.com/managedcas/managedcas/internal/database/databasetest"
)

// otlpLines reads a request of the OTLP exporter as a collector does.
func otlpLines(r *http.Request) ([]audit.Record, error) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = gzip.NewReader(body); err != nil {
			return nil, err
		}
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	var request collogs.ExportLogsServiceRequest
	if err := proto.Unmarshal(text, &request); err != nil {
		return nil, err
	}
	var records []audit.Record
	for _, of := range request.GetResourceLogs() {
		for _, scope := range of.GetScopeLogs() {
			for _, l := range scope.GetLogRecords() {
				record, err := audit.ParseLine([]byte(l.GetBody().GetStringValue()))
				if err != nil {
					return nil, err
				}
				attributes := map[string]string{}
				for _, a := range l.GetAttributes() {
					attributes[a.GetKey()] = a.GetValue().GetStringValue()
				}
				if attributes["managedcas.audit.chain"] != string(record.Chain) || attributes["managedcas.audit.action"] != record.Action ||
					l.GetTimeUnixNano() != uint64(record.Time.UnixNano()) {
					return nil, fmt.Errorf("%v of %+v", attributes, record)
				}
				records = append(records, record)
			}
		}
	}
	if r.URL.Path != "/v1/logs" {
		return records, errors.New(r.URL.Path)
	}
	return records, nil
}

// A key in the URL's query would not reach the collector: whoever gives one is told so, and
// the key is not said again.
func TestOTLPRefusesQueries(t *testing.T) {
	t.Parallel()
	_, err := auditsink.NewOTLP(t.Context(), "https://collector.example/v1/logs?key=hush", "test", nil)
	if err == nil || strings.Contains(err.Error(), "hush") || !strings.Contains(err.Error(), "OTEL_EXPORTER_OTLP_LOGS_HEADERS") {
		t.Errorf("%v", err)
	}
}

// A collector has what a webhook has; of what it refuses within a batch it is not told
// again.
func TestOTLPLosesNothing(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db, of := open(t, target), chains(3)
		partial, err := proto.Marshal(&collogs.ExportLogsServiceResponse{PartialSuccess: &collogs.ExportLogsPartialSuccess{RejectedLogRecords: 1, ErrorMessage: "too old"}})
		if err != nil {
			t.Fatal(err)
		}
		hung := make(chan struct{})
		rc := receive(t, otlpLines, func(n int, w http.ResponseWriter, r *http.Request) bool {
			switch n {
			case 1:
				w.WriteHeader(http.StatusInternalServerError)
			case 2:
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(http.StatusTooManyRequests)
			case 3:
				hang(r, hung)
			case 4:
				w.WriteHeader(http.StatusBadRequest)
			case 5:
				panic(http.ErrAbortHandler)
			case 6:
				w.Header().Set("Content-Type", "application/x-protobuf")
				_, _ = w.Write(partial)
				return true
			default:
				return true
			}
			return false
		})
		sink, err := auditsink.NewOTLP(t.Context(), rc.URL+"/v1/logs", "test", nil)
		if err != nil {
			t.Fatal(err)
		}
		happened(t, db, 400, of...)
		stop := deliver(t, auditsink.New(quick(db, auditsink.Named{Name: "collector", Sink: impatient{sink, hung}})))
		rc.has(t, 400, of...)
		stop()
		if rc.repeated != 0 {
			t.Errorf("%d records came again", rc.repeated)
		}
	})
}
