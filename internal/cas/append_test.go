package cas_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/test/rig"
)

func send(t *testing.T, store *cas.Store, ref cas.Ref, name uuid.UUID, offset int64, piece []byte) {
	t.Helper()
	state, err := store.Append(t.Context(), ref, name, cas.Append{Offset: offset, Body: bytes.NewReader(piece), Length: int64(len(piece)), Total: cas.UnknownLength})
	if err != nil || state.Offset != offset+int64(len(piece)) {
		t.Fatalf("append at %d: %+v, %v", offset, state, err)
	}
}

// A length that what is there contradicts, or what comes, is refused, and changes nothing.
func TestAppendContradictsItsLength(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	content, d := rig.Content(3 * part)
	ref := cas.Ref{Org: r.Org(t), Digest: d}
	open := begin(t, r.Store, ref, cas.UnknownLength)
	send(t, r.Store, ref, open, 0, content[:2*part])
	closed := begin(t, r.Store, ref, 3*part)
	send(t, r.Store, ref, closed, 0, content[:2*part])
	body := func() io.Reader { return bytes.NewReader(content[2*part:]) }
	for what, row := range map[string]struct {
		name uuid.UUID
		a    cas.Append
	}{
		"ends before what is committed":         {open, cas.Append{Total: 2*part - 1, Last: true, Length: cas.UnknownLength}},
		"a piece behind the end":                {open, cas.Append{Total: part, Length: part}},
		"a piece that goes on behind the end":   {open, cas.Append{Total: 3*part - 1, Length: part}},
		"a piece longer than the artifact":      {closed, cas.Append{Total: cas.UnknownLength, Length: part + 1}},
		"the last one longer than the artifact": {closed, cas.Append{Total: cas.UnknownLength, Length: part + 1, Last: true}},
	} {
		row.a.Offset, row.a.Body = 2*part, body()
		if state, err := r.Store.Append(t.Context(), ref, row.name, row.a); !errors.Is(err, cas.ErrUploadLength) {
			t.Errorf("%s: %+v, %v", what, state, err)
		}
	}
	for _, name := range []uuid.UUID{open, closed} {
		if state, err := r.Store.FindUpload(t.Context(), ref, name); err != nil || state.Offset != 2*part {
			t.Errorf("afterwards: %+v, %v", state, err)
		}
	}
	if state, err := r.Store.Append(t.Context(), ref, open, cas.Append{Offset: 2 * part, Total: 3 * part, Body: body(), Last: true, Length: part}); err != nil || !state.Complete {
		t.Errorf("the right length: %+v, %v", state, err)
	}
}

// Of an artifact that is there, an upload that nobody knows is over only for a client that
// has nothing more to send: it has missed the answer. Others are told that it is unknown.
func TestAppendToWhatIsThere(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	content, d := rig.Content(1000)
	ref := cas.Ref{Org: r.Org(t), Digest: d}
	if _, err := r.Store.Put(t.Context(), ref, 1000, bytes.NewReader(content), cas.Label{}); err != nil {
		t.Fatal(err)
	}
	for what, row := range map[string]struct {
		a    cas.Append
		over bool
	}{
		"nothing, at the end":           {cas.Append{Offset: 1000, Total: cas.UnknownLength, Length: 0}, true},
		"nothing announced, at the end": {cas.Append{Offset: 1000, Total: 1000, Length: cas.UnknownLength}, true},
		"nothing, elsewhere":            {cas.Append{Offset: 999, Total: cas.UnknownLength, Length: 0}, false},
		"of another length":             {cas.Append{Offset: 1000, Total: 1001, Length: 0}, false},
		"something":                     {cas.Append{Offset: 1000, Total: cas.UnknownLength, Length: 7, Body: strings.NewReader("garbage")}, false},
		"something of unknown length":   {cas.Append{Offset: 1000, Total: cas.UnknownLength, Length: cas.UnknownLength, Body: strings.NewReader("garbage")}, false},
		"something, elsewhere":          {cas.Append{Offset: 77, Total: cas.UnknownLength, Length: 7, Body: strings.NewReader("garbage")}, false},
	} {
		row.a.Last = true
		if row.a.Body == nil {
			row.a.Body = strings.NewReader("")
		}
		state, err := r.Store.Append(t.Context(), ref, uuid.New(), row.a)
		if row.over && (err != nil || !state.Complete || state.Offset != 1000) || !row.over && !errors.Is(err, cas.ErrNoUpload) {
			t.Errorf("%s: %+v, %v", what, state, err)
		}
	}
}

// What S3, or somebody on the way, refuses of a part costs the upload nothing that is
// committed, unless S3 says that it no longer has the upload.
func TestOnlyS3EndsAnUpload(t *testing.T) {
	t.Parallel()
	const page = "<html>proxy</html>"
	var status atomic.Int64
	var code atomic.Value
	options := small()
	options.Wire = func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			answer := int(status.Load())
			if answer == 0 || r.Method != http.MethodPut {
				return next.RoundTrip(r)
			}
			_, _ = io.Copy(io.Discard, r.Body)
			text, header := code.Load().(string), http.Header{}
			if text != page {
				header.Set("X-Amz-Request-Id", "WG4LASIJ54MS7SWH") // as all of S3's have
			}
			return &http.Response{
				StatusCode: answer, Header: header, Request: r, ProtoMajor: 1, ProtoMinor: 1,
				Body: io.NopCloser(strings.NewReader(text)),
			}, nil
		})
	}
	r := rig.New(t, options)
	content, d := rig.Content(2*part + 10)
	s3 := func(code string) string { return "<Error><Code>" + code + "</Code><Message>m</Message></Error>" }
	for _, row := range []struct {
		status int
		answer string
		lost   bool
		kind   problem.Kind
	}{
		{400, page, false, problem.Unavailable}, {407, page, false, problem.Unavailable}, {413, page, false, problem.Unavailable},
		{307, page, false, problem.Unavailable}, {404, page, false, problem.Unavailable}, {408, page, false, problem.Unavailable},
		{400, s3("IncompleteBody"), false, problem.Unavailable}, {400, s3("RequestTimeout"), false, problem.Unavailable},
		{400, s3("BadDigest"), false, problem.Unavailable}, {404, s3("NoSuchBucket"), false, problem.Unavailable},
		{400, s3("InvalidArgument"), false, problem.Internal},
		{404, s3("NoSuchUpload"), true, problem.Conflict}, {400, s3("InvalidPart"), true, problem.Conflict},
	} {
		ref := cas.Ref{Org: r.Org(t), Digest: d}
		name := begin(t, r.Store, ref, int64(len(content)))
		send(t, r.Store, ref, name, 0, content[:2*part])
		code.Store(row.answer)
		status.Store(int64(row.status))
		_, err := r.Store.Append(t.Context(), ref, name, cas.Append{Offset: 2 * part, Total: cas.UnknownLength, Body: bytes.NewReader(content[2*part:]), Last: true, Length: 10})
		status.Store(0)
		if lost := errors.Is(err, cas.ErrUploadLost); err == nil || lost != row.lost || problem.KindOf(cas.Problem(err)) != row.kind {
			t.Errorf("%d %s: lost %t, %s: %v", row.status, row.answer, lost, problem.KindOf(cas.Problem(err)), err)
		}
		state, err := r.Store.FindUpload(t.Context(), ref, name)
		if row.lost != errors.Is(err, cas.ErrNoUpload) || !row.lost && state.Offset != 2*part {
			t.Errorf("%d %s: afterwards %+v, %v", row.status, row.answer, state, err)
		}
	}
}

// A part that is streamed and ends too early is the client's mistake, as one that is held is.
func TestShortStreamedPart(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	r.Store.HoldAtMost(part - 1)
	content, d := rig.Content(2*part + 10)
	ref := cas.Ref{Org: r.Org(t), Digest: d}
	name := begin(t, r.Store, ref, int64(len(content)))
	_, err := r.Store.Append(t.Context(), ref, name, cas.Append{Total: cas.UnknownLength, Body: bytes.NewReader(content[:part+5]), Last: true, Length: cas.UnknownLength})
	if !errors.Is(err, digest.ErrLength) || problem.KindOf(cas.Problem(err)) != problem.Invalid {
		t.Error(err)
	}
	if left := r.Uploads(t); len(left) > 0 {
		t.Errorf("unfinished uploads: %q", left)
	}
}

// A client that goes away is no failure of the database.
func TestAbsentClientIsNoFailure(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	content, d := rig.Content(part + 10)
	ref := cas.Ref{Org: r.Org(t), Digest: d}
	name := begin(t, r.Store, ref, int64(len(content)))
	ctx, leave := context.WithCancel(t.Context())
	leave()
	_, find := r.Store.FindUpload(ctx, ref, name)
	_, settle := r.Store.SettleUpload(ctx, ref, name)
	_, append := r.Store.Append(ctx, ref, name, cas.Append{Body: bytes.NewReader(content), Last: true, Length: cas.UnknownLength, Total: cas.UnknownLength})
	for what, err := range map[string]error{"find": find, "settle": settle, "append": append} {
		if kind := problem.KindOf(cas.Problem(err)); kind != problem.Canceled {
			t.Errorf("%s: %s: %v", what, kind, err)
		}
	}
}

// Sessions live for an hour, uploads longer: whenever one has ended, another goes on. One
// that ends at once has not expired, and is not replaced for ever.
func TestUploadOutlivesItsSessions(t *testing.T) {
	t.Parallel()
	content, d := rig.Content(6*part + 10)
	for _, hourly := range []bool{true, false} {
		c, options := &clock{now: time.Now()}, small()
		options.Now = c.read
		var refused sync.Map
		options.Wire = func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				number := r.URL.Query().Get("partNumber")
				if _, again := refused.LoadOrStore(number, true); again || number != "2" && number != "6" {
					return next.RoundTrip(r)
				}
				if hourly {
					c.pass(time.Hour)
				}
				_, _ = io.Copy(io.Discard, r.Body)
				return &http.Response{
					StatusCode: 400, Header: http.Header{}, Request: r, ProtoMajor: 1, ProtoMinor: 1,
					Body: io.NopCloser(strings.NewReader("<Error><Code>ExpiredToken</Code><Message>m</Message></Error>")),
				}, nil
			})
		}
		r := rig.New(t, options)
		_, err := r.Store.Put(t.Context(), cas.Ref{Org: r.Org(t), Digest: d}, cas.UnknownLength, bytes.NewReader(content), cas.Label{})
		if (err == nil) != hourly {
			t.Errorf("an hour in between %t: %v", hourly, err)
		}
	}
}
