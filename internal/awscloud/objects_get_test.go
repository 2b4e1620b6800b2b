package awscloud_test

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/cloud"
)

// Bytes of another place would be taken for those that were asked for.
func TestGetRefusesAnotherRange(t *testing.T) {
	t.Parallel()
	for answer, size := range map[string]int64{
		"bytes 5-9/100": 100, "bytes 4-8/100": 0, "bytes 5-8/100": 0, "bytes 5-9/8": 0, "bytes 5-9/*": 0, "bytes 5-9": 0, "": 0,
	} {
		c := at(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "bytes=5-9" || r.Header.Get("If-Match") != `"e"` {
				t.Errorf("asks with %v", r.Header)
			}
			if answer != "" {
				w.Header().Set("Content-Range", answer)
			}
			w.WriteHeader(http.StatusPartialContent)
			_, _ = io.WriteString(w, "56789")
		})
		body, info, err := objects(t, c).Get(t.Context(), "k", cas.Range{Offset: 5, Length: 5}, `"e"`)
		if err == nil {
			_ = body.Close()
		}
		if (err == nil) != (size > 0) || info.Size != size || err != nil && !errors.Is(err, cloud.ErrUnavailable) {
			t.Errorf("%q: size %d, %v", answer, info.Size, err)
		}
	}
}

// The refusals of a read: a range behind the end, and another version of the object.
func TestGetThatIsRefused(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]error{"InvalidRange": cloud.ErrRange, "PreconditionFailed": cloud.ErrConflict} {
		c := at(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(map[string]int{"InvalidRange": 416, "PreconditionFailed": 412}[code])
			_, _ = io.WriteString(w, "<Error><Code>"+code+"</Code></Error>")
		})
		_, _, err := objects(t, c).Get(t.Context(), "k", cas.Range{Offset: 5}, `"e"`)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v", code, err)
		}
	}
}
