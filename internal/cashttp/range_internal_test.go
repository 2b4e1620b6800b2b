package cashttp

import (
	"net/http"
	"testing"

	"github.com/managedcas/managedcas/internal/cas"
)

func TestParseRange(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]cas.Range{
		"bytes=0-":  {},
		"bytes=0-0": {Length: 1}, "bytes=5-9": {Offset: 5, Length: 5}, "bytes=5-": {Offset: 5}, "bytes=-5": {Offset: -5},
		"Bytes=5-9": {Offset: 5, Length: 5}, "bytes= 5-9\t": {Offset: 5, Length: 5}, "bytes=005-9": {Offset: 5, Length: 5},
		"bytes=0-99999999999999999999":                    {Length: maxPosition + 1},
		"bytes=99999999999999999999-":                     {Offset: maxPosition},
		"bytes=-99999999999999999999":                     {Offset: -maxPosition},
		"bytes=9223372036854775807-":                      {Offset: maxPosition},
		"bytes=-0":                                        {Offset: maxPosition},
		"bytes=1-9223372036854775807":                     {Offset: 1, Length: maxPosition},
		"bytes=9223372036854775806-999999999999999999999": {Offset: maxPosition, Length: 1},
	} {
		if got, ok := parseRange(header); !ok || got != want {
			t.Errorf("%q: %+v, %t; want %+v", header, got, ok, want)
		}
	}
	for _, header := range []string{
		"", "bytes", "bytes=", "bytes=-", "bytes=5", "bytes=9-5", "bytes=a-b", "bytes=+1-2", "bytes=1-+2", "bytes=--5", "bytes=1--5",
		"bytes=0-1,3-4", "bytes=0-1,", "items=0-1", "bytes =0-1", "bytes=0x1-2", "bytes=1 - 2", "bytes=1-2-3", "bytes=１-２",
	} {
		if got, ok := parseRange(header); ok {
			t.Errorf("%q: %+v, want the whole", header, got)
		}
	}
	if _, ok := wanted(http.Header{"Range": {"bytes=0-1", "bytes=3-4"}}, ""); ok {
		t.Error("one of two Range headers is served")
	}
}

// FuzzRange: whatever a client sends, what is served lies within the artifact, and S3 is
// asked for the same.
func FuzzRange(f *testing.F) {
	for _, seed := range []string{"bytes=0-", "bytes=-5", "bytes=5-9", "bytes=9223372036854775806-", "bytes=-9223372036854775808", "bytes=0-1,2-3"} {
		f.Add(seed, int64(1000))
	}
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 {
			return
		}
		want, ok := parseRange(header)
		if !ok {
			if (want != cas.Range{}) {
				t.Fatalf("%q is refused and means %+v", header, want)
			}
			return
		}
		part, err := want.Within(size)
		if err == nil && (part.Offset < 0 || part.Length <= 0 || part.Offset > size-part.Length) {
			t.Fatalf("%q of %d bytes: %+v", header, size, part)
		}
		if (want == cas.Range{}) {
			return
		}
		again, ok := parseRange(want.Header())
		if !ok {
			t.Fatalf("%q is passed on as %q", header, want.Header())
		}
		if same, errAgain := again.Within(size); same != part || (err == nil) != (errAgain == nil) {
			t.Fatalf("%q is passed on as %q: %+v is not %+v", header, want.Header(), same, part)
		}
	})
}
