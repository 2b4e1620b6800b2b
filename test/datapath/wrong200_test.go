package datapath

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/managedcas/managedcas/test/rig"
)

// liar answers CompleteMultipartUpload with 200 and an error in the body, as S3 does when
// it finds out only after it has begun to answer (facts AWS §7.3).
type liar struct {
	mu     sync.Mutex
	code   string // empty: it tells the truth
	times  int
	effect bool // the upload was completed all the same
}

func (l *liar) between(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Method != http.MethodPost || !strings.Contains(r.URL.RawQuery, "uploadId=") {
			return next.RoundTrip(r)
		}
		l.mu.Lock()
		code, effect := l.code, l.effect
		if l.times--; l.times < 0 {
			code = ""
		}
		l.mu.Unlock()
		if code == "" {
			return next.RoundTrip(r)
		}
		if effect {
			response, err := next.RoundTrip(r)
			if err != nil {
				return response, err
			}
			_ = response.Body.Close()
		}
		body := "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>" + code + "</Code><Message>late</Message><RequestId>1</RequestId></Error>"
		return &http.Response{
			Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
			Header: http.Header{"Content-Type": {"application/xml"}}, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)),
		}, nil
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A Complete that says 200 and means an error is no success, and one that had its effect
// is one: over both protocols, once and for as long as anybody tries.
func TestCompleteThatSays200AndFails(t *testing.T) {
	t.Parallel()
	codes, cases := []string{"InternalError", "SlowDown", "ConditionalRequestConflict"}, 0
	if !everything {
		codes = codes[:1]
	}
	wire := &liar{}
	s := newSite(t, rig.Options{Wire: wire.between})
	parts := shapes[2]
	for _, l := range s.lanes(t) {
		for _, code := range codes {
			for _, times := range []int{1, 100} {
				for _, effect := range []bool{false, true} {
					what := fmt.Sprintf("%s, %d times, effect %t", code, times, effect)
					content, d := rig.Content(parts.size)
					wire.tell(code, times, effect)
					o := parts.put(t, l, s.uploader(), d, bytes.NewReader(content))
					wire.tell("", 0, false)
					// Of InternalError alone nobody can say what it did, so that S3 is asked; the others
					// end as failures that another try finds done.
					if stays := times > 1 && !effect; o.failed != stays && code == "InternalError" || o.failed && (o.lost || !o.retryable()) {
						t.Errorf("%s, %s: %s", l, what, o)
					}
					s.holdsOrLacks(t, what, l, d, content)
					s.noParts(t, what)
					if o.failed {
						s.again(t, what, l, parts, d, content)
					} else {
						s.holds(t, what, l, d, content)
					}
					cases++
				}
			}
		}
	}
	if cases != 2*len(codes)*2*2 {
		t.Errorf("%d cases", cases)
	}
	t.Logf("%d cases", cases)
}

func (l *liar) tell(code string, times int, effect bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.code, l.times, l.effect = code, times, effect
}
