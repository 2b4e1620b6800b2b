package emulator

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/faults"
	"github.com/managedcas/managedcas/internal/emulator/journal"
)

// maxHeaders bounds the header section of a request.
const maxHeaders = 16 << 10

// frame is what happens to every request around its service: it is identified,
// routed, authenticated, perhaps made to fail on purpose, served, and written down.
type frame struct {
	region      string
	hosts       hosts
	services    map[string]api.Emulated // by service name: "s3", "s3control", …
	credentials CredentialStore
	journal     *journal.Journal
	faults      *faults.Set
	admin       http.Handler
	log         *slog.Logger
}

func (f *frame) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// net/http says 100 when a body is first read; an empty one never is. S3 says it
	// then, too, and botocore depends on it: a final answer in its place makes it take
	// the next answer on the connection for that one, and wait a minute for a body.
	if r.ContentLength == 0 && strings.EqualFold(r.Header.Get("Expect"), "100-continue") {
		w.WriteHeader(http.StatusContinue)
	}
	id := newRequestID()
	w.Header().Set("x-amz-request-id", id)
	w.Header().Set("x-amzn-RequestId", id)
	w.Header().Set("x-amz-id-2", rand.Text())
	w.Header().Set("Server", "managedcas")
	switch {
	case r.Method == http.MethodConnect:
		http.Error(w, "this endpoint forwards nothing and makes no tunnels; use plain http, or leave https out of the proxy settings", http.StatusMethodNotAllowed)
	case headerSize(r) > maxHeaders:
		http.Error(w, "the request's headers are longer than 16 KiB", http.StatusRequestHeaderFieldsTooLarge)
	case !f.hosts.known(r):
		http.Error(w, "this endpoint does not answer for the requested host and forwards nothing; it knows "+f.hosts.String(), http.StatusMisdirectedRequest)
	case isAdmin(r):
		f.admin.ServeHTTP(w, r)
	default:
		f.serveAWS(&recorder{ResponseWriter: w}, r, id)
	}
}

// serveAWS answers a request to one of the services and writes the journal entry: when the
// answer begins, so that whoever has read it to its end finds the entry there, and once
// more when all is known.
func (f *frame) serveAWS(w *recorder, r *http.Request, id string) {
	req := &api.Request{ID: id, Caller: &api.Caller{Kind: api.Anonymous}, Region: f.region}
	var out outcome
	start := time.Now()
	now := func() journal.Entry {
		entry := entryOf(req, start)
		entry.SourceIP = sourceIP(r)
		entry.Status, entry.Code, entry.Message, entry.Fault = w.status, out.code, out.message, out.fault
		return entry
	}
	var sequence uint64 // 0: no answer has begun
	w.begins = func() { sequence = f.journal.Add(now()) }
	defer func() {
		entry := now()
		if entry.Sequence = sequence; sequence == 0 {
			f.journal.Add(entry)
		} else {
			f.journal.Amend(entry)
		}
		f.log.LogAttrs(r.Context(), slog.LevelDebug, "request answered",
			slog.String("requestId", id), slog.String("service", entry.Service),
			slog.String("operation", entry.Operation), slog.String("caller", entry.Caller),
			slog.Int("status", entry.Status), slog.String("code", entry.Code),
			slog.Duration("duration", entry.Duration))
	}()

	svc, err := f.admit(w, r, req)
	if err == nil {
		ctx := api.WithRequest(r.Context(), req)
		err = f.serve(ctx, w, r.WithContext(ctx), svc, req, &out)
	}
	if err == nil {
		return
	}
	e := f.apiError(r.Context(), req, err)
	out.tell(e)
	if w.status != 0 {
		// The answer has begun and cannot be taken back: a broken connection is the only
		// way to say that it is not whole.
		panic(http.ErrAbortHandler)
	}
	if svc == nil {
		http.Error(w, e.Error(), e.Status)
		return
	}
	svc.WriteError(w, r, id, e)
}

// outcome is what the journal learns beside the answer's status.
type outcome struct{ code, message, fault string }

func (o *outcome) tell(e *api.Error) { o.code, o.message = e.Code, e.Message }

// entryOf is the part of a journal entry that a request itself knows.
func entryOf(req *api.Request, start time.Time) journal.Entry {
	return journal.Entry{
		RequestID: req.ID, Time: start, Duration: time.Since(start),
		Service: req.Service, Operation: req.Operation, Resource: req.Resource,
		Caller: req.Caller.ARN, AccessKeyID: req.Caller.AccessKeyID,
		Decisions: req.Decisions,
	}
}

// serve runs the service, with the fault that is due for this request.
func (f *frame) serve(ctx context.Context, w *recorder, r *http.Request, svc api.Emulated, req *api.Request, out *outcome) error {
	rule, due := f.faults.Next(req.Service, req.Operation)
	if !due {
		return svc.Serve(w, r, req)
	}
	out.fault = string(rule.Kind)
	if err := wait(ctx, rule.Delay()); err != nil {
		return err
	}
	switch rule.Kind {
	case faults.CutBefore:
		panic(http.ErrAbortHandler)
	case faults.CutAfter:
		w.ResponseWriter = newLost()
	case faults.CutDuring:
		if cutRequest(req, rule.Bytes) {
			w.ResponseWriter = newLost()
		} else {
			w.ResponseWriter = &cutting{ResponseWriter: w.ResponseWriter, left: rule.Bytes}
		}
	}
	if rule.Kind == faults.CutAfter || rule.Kind == faults.CutDuring {
		if err := svc.Serve(w, r, req); err != nil {
			out.tell(f.apiError(ctx, req, err))
		}
		panic(http.ErrAbortHandler)
	}
	if e := rule.Error(req.Service); e != nil {
		return e
	}
	return svc.Serve(w, r, req)
}

// apiError is what the client is told. What is not an AWS error is a fault of this
// program: it is logged, and only its existence is told.
func (f *frame) apiError(ctx context.Context, req *api.Request, err error) *api.Error {
	if e, ok := errors.AsType[*api.Error](err); ok {
		return e
	}
	f.log.ErrorContext(ctx, "serving a request failed", "requestId", req.ID,
		"service", req.Service, "operation", req.Operation, "error", err)
	return faults.Internal(req.Service)
}

// describe names a request that its service does not know, for the person who reads
// the 501.
func describe(r *http.Request) string {
	if action := r.PostForm.Get("Action"); action != "" {
		return action
	}
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		return target
	}
	var names []string
	for name := range r.URL.Query() {
		if !strings.HasPrefix(name, "X-Amz-") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.TrimSuffix(r.Method+" ?"+strings.Join(names, "&"), " ?")
}

func wait(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func newRequestID() string { return rand.Text()[:16] }

func headerSize(r *http.Request) (n int) {
	for name, values := range r.Header {
		for _, v := range values {
			n += len(name) + len(v) + len(": \r\n")
		}
	}
	return n
}
