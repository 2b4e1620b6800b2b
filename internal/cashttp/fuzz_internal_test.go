package cashttp

import (
	"net/http"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
)

// FuzzFileNameHeader: whatever Content-Disposition says, a name that is taken from it is a
// usable one, comes back as it is from the header of a download, and breaks no line.
func FuzzFileNameHeader(f *testing.F) {
	for _, header := range []string{
		"", "attachment", `attachment; filename="a.txt"`, `attachment; filename*=UTF-8''%C3%A4.txt`, `attachment; filename="a\"b"`,
		`attachment; filename="../x"`, `attachment; filename*0="a"; filename*1="b"`, "attachment; filename=\"a\r\nX: y\"", `;`, `inline; filename=`,
	} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		name, err := fileName(header)
		if err != nil {
			return
		}
		if _, err := cas.ParseFileName(string(name)); err != nil {
			t.Errorf("%q: %q: %v", header, name, err)
		}
		back := disposition(name)
		if strings.ContainsAny(back, "\r\n\x00") {
			t.Errorf("%q breaks a line: %q", name, back)
		}
		if again, err := fileName(back); err != nil || again != name {
			t.Errorf("%q became %q through %q, %v", name, again, back, err)
		}
	})
}

// FuzzCondition: of the headers that name digests, If-Match and If-None-Match, none that
// does not contain the ETag, or "*", is taken for it.
func FuzzCondition(f *testing.F) {
	d := digest.Of([]byte("content"))
	tag := etag(d)
	for _, header := range []string{"", "*", tag, "W/" + tag, `"a", ` + tag, d.String(), `"` + d.Hex() + `"`, tag + tag, ",,", `"*"`} {
		f.Add(header, header)
	}
	f.Fuzz(func(t *testing.T, match, none string) {
		h := http.Header{"If-Match": {match}, "If-None-Match": {none}}
		may := func(list string) bool { return strings.Contains(list, tag) || strings.Contains(list, "*") }
		switch got := condition(h, tag); {
		case got != failed && !may(match):
			t.Errorf("If-Match %q holds", match)
		case got == notModified && !may(none):
			t.Errorf("If-None-Match %q holds", none)
		}
	})
}
