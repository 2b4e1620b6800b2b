package auditsink_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/auditsink"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
)

var secret = []byte("a secret of sixteen bytes or more")

// signedLines reads a request of a webhook as a receiver does, and checks its signature.
func signedLines(r *http.Request) ([]audit.Record, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var seconds int64
	given := r.Header.Get(auditsink.SignatureHeader)
	if _, err := fmt.Sscanf(given, "t=%d,", &seconds); err != nil {
		return nil, err
	}
	if want := auditsink.Signature(secret, time.Unix(seconds, 0), body); !hmac.Equal([]byte(want), []byte(given)) {
		return nil, fmt.Errorf("signed %s, want %s", given, want)
	}
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-ndjson" || len(body) > 1<<20 {
		return nil, fmt.Errorf("%s of %d bytes of %s", r.Method, len(body), r.Header.Get("Content-Type"))
	}
	var records []audit.Record
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(nil, audit.MaxLine)
	for lines.Scan() {
		record, err := audit.ParseLine(lines.Bytes())
		if err != nil {
			return nil, err
		}
		records = append(records, record)
	}
	return records, lines.Err()
}

func webhook(rc *receiver) auditsink.Named {
	return auditsink.Named{Name: "siem", Sink: auditsink.NewWebhook(rc.URL, secret, nil)}
}

// Whatever a sink does, in the end it has every record, of each chain in its order.
func TestNothingIsLostOrOutOfOrder(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db, of := open(t, target), chains(7)
		hung := make(chan struct{})
		rc := receive(t, signedLines, func(n int, w http.ResponseWriter, r *http.Request) bool {
			if n == 3 {
				hang(r, hung)
				return false
			}
			switch n % 7 {
			case 1, 3:
				w.WriteHeader(http.StatusInternalServerError)
			case 2:
				w.WriteHeader(http.StatusTooManyRequests)
			case 4: // it has them, and does not come to say so
				panic(http.ErrAbortHandler)
			case 5:
				http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
			default:
				return true
			}
			return false
		})
		happened(t, db, 120, of...)
		first := webhook(rc)
		first.Sink = impatient{first.Sink, hung}
		stop := deliver(t, auditsink.New(quick(db, first)))
		rc.has(t, 120, of...)
		happened(t, db, 300, of[0]) // more than a batch has of one chain
		rc.has(t, 420, of[0])
		stop()
		if lag, err := db.SinkLag(t.Context(), "siem"); err != nil || lag != 0 {
			t.Errorf("lag %d, %v", lag, err)
		}
		// Another process goes on where this one was, and repeats nothing.
		before := len(rc.tries())
		happened(t, db, 1, of[1])
		again := deliver(t, auditsink.New(quick(db, webhook(rc))))
		rc.has(t, 121, of[1])
		again()
		if rc.repeated != 0 || len(rc.tries()) == before {
			t.Errorf("%d records came again", rc.repeated)
		}
	})
}

// A sink that does not answer is given up after Timeout, and asked again.
func TestASinkThatHangs(t *testing.T) {
	t.Parallel()
	db := open(t, databasetest.Target(t, "sqlite"))
	rc := receive(t, signedLines, func(n int, _ http.ResponseWriter, r *http.Request) bool {
		if n == 1 {
			<-r.Context().Done()
		}
		return n > 1
	})
	happened(t, db, 1, audit.Installation)
	cfg := quick(db, webhook(rc))
	cfg.Timeout = time.Second
	deliver(t, auditsink.New(cfg))
	rc.has(t, 1, audit.Installation)
}

// What a sink got and did not confirm it gets again, and no cursor goes past it.
func TestAtLeastOnce(t *testing.T) {
	t.Parallel()
	db := open(t, databasetest.Target(t, "sqlite"))
	rc := receive(t, signedLines, func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n == 1 {
			w.WriteHeader(http.StatusBadGateway) // behind a proxy that lost the answer
		}
		return true
	})
	happened(t, db, 5, audit.Installation)
	stop := deliver(t, auditsink.New(quick(db, webhook(rc))))
	rc.has(t, 5, audit.Installation)
	for len(rc.tries()) < 2 {
		<-rc.changed
	}
	stop()
	if rc.repeated != 5 {
		t.Errorf("%d records came again, want 5", rc.repeated)
	}
}

// A sink is left alone for as long as it asks, but not for ever, and others meanwhile get
// what they should.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	db := open(t, databasetest.Target(t, "sqlite"))
	asks := func(seconds int) *receiver {
		return receive(t, signedLines, func(n int, w http.ResponseWriter, _ *http.Request) bool {
			if n == 1 {
				w.Header().Set("Retry-After", strconv.Itoa(seconds))
				w.WriteHeader(http.StatusTooManyRequests)
			}
			return n > 1
		})
	}
	// The one that asks for an hour is not asked again however slow a machine is.
	soon, busy, other := asks(1), asks(3600), receive(t, signedLines, always)
	var sinks []auditsink.Named
	for name, rc := range map[string]*receiver{"soon": soon, "busy": busy, "other": other} {
		sinks = append(sinks, auditsink.Named{Name: name, Sink: webhook(rc).Sink})
	}
	cfg := quick(db, sinks...)
	cfg.MaxRetry = 2 * time.Hour
	happened(t, db, 3, audit.Installation)
	stop := deliver(t, auditsink.New(cfg))
	other.has(t, 3, audit.Installation)
	soon.has(t, 3, audit.Installation)
	stop()
	if n := len(busy.tries()); n > 1 {
		t.Errorf("the busy one was asked %d times within the hour", n)
	}
	if tries := soon.tries(); tries[1].Sub(tries[0]) < time.Second {
		t.Errorf("asked again after %s", tries[1].Sub(tries[0]))
	}

	forever := receive(t, signedLines, func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n == 1 {
			w.Header().Set("Retry-After", time.Now().Add(1000*time.Hour).UTC().Format(http.TimeFormat))
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return n > 1
	})
	third := webhook(forever)
	third.Name = "third"
	deliver(t, auditsink.New(quick(db, third)))
	forever.has(t, 3, audit.Installation)
}

// Of two processes one tells the sink, and the other goes on when that stops.
func TestReplicasTakeTurns(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		of := chains(3)
		db, second := open(t, target), open(t, target)
		var atOnce, most atomic.Int64
		rc := receive(t, signedLines, func(int, http.ResponseWriter, *http.Request) bool {
			if n := atOnce.Add(1); n > most.Load() {
				most.Store(n)
			}
			<-time.After(2 * time.Millisecond)
			atOnce.Add(-1)
			return true
		})
		stops := []func(){deliver(t, auditsink.New(quick(db, webhook(rc)))), deliver(t, auditsink.New(quick(second, webhook(rc))))}
		for round := range int64(6) {
			happened(t, db, 10, of...)
			rc.has(t, 10*(round+1), of...)
			if round == 3 {
				stops[0]()
			}
		}
		stops[1]()
		if rc.repeated != 0 || most.Load() != 1 {
			t.Errorf("%d records came again, %d requests at once", rc.repeated, most.Load())
		}
	})
}

// A secret is in no error, neither that of a signature nor that of a URL, and what a sink
// says fills nothing.
func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	const hush = "a-token-in-the-URL"
	all := make(chan bool, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		if strings.HasPrefix(r.URL.Path, "/short") {
			_, _ = w.Write(bytes.Repeat([]byte("x"), 1000))
			return
		}
		for range 1000 {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 1<<20)); err != nil {
				return
			}
		}
		all <- true
	}))
	t.Cleanup(server.Close)
	const gone = "http://127.0.0.1:1/" // nobody listens there
	for _, url := range []string{server.URL + "/long/" + hush, server.URL + "/short/" + hush, gone + hush} {
		otlp, err := auditsink.NewOTLP(t.Context(), url, "test", nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, sink := range map[string]auditsink.Sink{"webhook": auditsink.NewWebhook(url, secret, nil), "otlp": otlp} {
			err := sink.Send(t.Context(), []auditsink.Item{{Line: []byte("{}")}})
			if err == nil || strings.Contains(err.Error(), string(secret)) || strings.Contains(err.Error(), hush) || len(err.Error()) > 200 {
				t.Errorf("%s: %.300v", name, err)
			}
		}
	}
	if len(all) > 0 {
		t.Error("all of a gigabyte was read")
	}
}

// holed is a database from which somebody removed record 3 of a chain.
type holed struct {
	*database.DB
	chain audit.Chain
}

func (h holed) AuditRecords(ctx context.Context, chain audit.Chain, first, last int64, q audit.Query) ([]audit.Record, error) {
	records, err := h.DB.AuditRecords(ctx, chain, first, last, q)
	return slices.DeleteFunc(records, func(r audit.Record) bool { return chain == h.chain && r.Seq == 3 }), err
}

// A chain of which a record is missing ends there, and keeps back no other.
func TestAMissingRecordKeepsBackItsChainAlone(t *testing.T) {
	t.Parallel()
	db, of := open(t, databasetest.Target(t, "sqlite")), chains(4)
	slices.Sort(of)
	rc := receive(t, signedLines, always)
	happened(t, db, 5, of...)
	stop := deliver(t, auditsink.New(quick(holed{db, of[1]}, webhook(rc))))
	rc.has(t, 2, of[1])
	rc.has(t, 5, of[0], of[2], of[3])
	happened(t, db, 1, of...)
	rc.has(t, 6, of[0], of[2], of[3])
	stop()
	if head := rc.heads[of[1]]; head.Seq != 2 {
		t.Errorf("of the chain without its record 3 the sink has %d", head.Seq)
	}
}

// stuck is a database that does not come to write down what a sink was told.
type stuck struct{ *database.DB }

func (stuck) SinkTold(ctx context.Context, _, _ string, _ map[audit.Chain]int64) error {
	<-ctx.Done()
	return ctx.Err()
}

// A process that is told to stop does, whether or not the database answers.
func TestDeliveriesEndWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	db := open(t, databasetest.Target(t, "sqlite"))
	rc := receive(t, signedLines, always)
	happened(t, db, 1, audit.Installation)
	cfg := quick(stuck{db}, webhook(rc))
	cfg.Timeout = 100 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- auditsink.New(cfg).Run(ctx) }()
	rc.has(t, 1, audit.Installation)
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("they go on for a minute")
	}
}
