package cas_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/test/rig"
)

// Both sides of every rule for media types.
func TestParseMediaType(t *testing.T) {
	t.Parallel()
	subtype := strings.Repeat("b", 127)
	for text, want := range map[string]string{
		"":                                  "",
		"application/json":                  "application/json",
		"Text/Plain;charset=UTF-8":          "text/plain; charset=UTF-8",
		"application/vnd.in-toto+json":      "application/vnd.in-toto+json",
		"application/x-www-form-urlencoded": "", // what curl sends with any data
		"a/" + subtype:                      "a/" + subtype,
		"a/" + subtype + "; c=" + strings.Repeat("d", 122): "a/" + subtype + "; c=" + strings.Repeat("d", 122),
		`a/b; c="two words"`: `a/b; c="two words"`,
	} {
		if got, err := cas.ParseMediaType(text); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
	for _, bad := range []string{
		"text", "text/", "/plain", "a/b/c", "text/plain; charset", "a b/c", "text/ä", "-a/b", "a/b\nc: d", "a/b; c=\"\x01\"", "*/*",
		"a/" + subtype + "b", "a/" + subtype + "; c=" + strings.Repeat("d", 123), `a/b; c="` + strings.Repeat("ä", 60) + `"`,
	} {
		if got, err := cas.ParseMediaType(bad); !errors.Is(err, cas.ErrMediaType) || got != "" {
			t.Errorf("%q: %q, %v", bad, got, err)
		}
	}
}

// What a browser could run, or show as a page of ours, is never told as what it is.
func TestActiveTypesAreNotTold(t *testing.T) {
	t.Parallel()
	for _, inert := range []cas.MediaType{
		"application/json", "application/vnd.cyclonedx+json; version=1.6", "application/spdx+json", "text/plain; charset=utf-8", "text/csv",
		"application/gzip", "application/zip", "application/vnd.oci.image.layer.v1.tar", "image/png", "video/mp4", "application/octet-stream",
	} {
		if got := inert.Inert(); got != inert {
			t.Errorf("%s is told as %s", inert, got)
		}
	}
	for _, active := range []cas.MediaType{
		"", "text/html", "text/html; charset=utf-8", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml", "application/rss+xml",
		"application/vnd.mozilla.xul+xml", "text/javascript", "application/javascript", "application/x-javascript", "application/ecmascript", "text/css",
		"application/wasm", "application/pdf", "multipart/x-mixed-replace; boundary=x", "message/rfc822", "text/vtt", "application/x-shockwave-flash", "x/y",
	} {
		if got := active.Inert(); got != cas.DefaultMediaType {
			t.Errorf("%s is told as %s", active, got)
		}
	}
}

func TestCleanFileName(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "sbom.json": "sbom.json", "..": "", "a/..": "", "/": "", "a/b": "b", `C:\Users\x\a.txt`: "a.txt", "a\nb\x1b[2J": "a_b_[2J",
		"exe.\u202egpj": "exe._gpj", "\xff\xfe": "_", "a\u200db": "a\u200db",
		strings.Repeat("a", 255):                      strings.Repeat("a", 255),
		strings.Repeat("a", 256):                      strings.Repeat("a", 255),
		strings.Repeat("ä", 200) + ".json":            strings.Repeat("ä", 125) + ".json",
		"a." + strings.Repeat("b", 300):               "a." + strings.Repeat("b", 253),
		strings.Repeat("a", 300) + ".234567890123456": strings.Repeat("a", 239) + ".234567890123456",
	} {
		if got := cas.CleanFileName(text); string(got) != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// FuzzCleanFileName: every text becomes a usable name, and a usable name stays.
func FuzzCleanFileName(f *testing.F) {
	for _, seed := range []string{"sbom.json", "..", "a/b", "\u202e", "\xff", "", strings.Repeat("ä", 200) + ".x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name := cas.CleanFileName(text)
		if again, err := cas.ParseFileName(string(name)); err != nil || again != name {
			t.Errorf("%q became %q: %v", text, name, err)
		}
		if usable, err := cas.ParseFileName(text); err == nil && usable != name {
			t.Errorf("%q became %q", text, name)
		}
	})
}

// The longest label fits into S3's 2 KB, and every character of Unicode that a name may
// have comes back, by one request and by parts.
func TestLabelsComeBack(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	id := r.Org(t)
	labels := []cas.Label{{
		FileName: cas.FileName(strings.Repeat("\U0001f389", 63) + "abc"), Uploader: strings.Repeat("~", cas.MaxSubjectBytes),
		MediaType: cas.MediaType("a/" + strings.Repeat("b", 127) + "; c=" + strings.Repeat("d", 122)),
	}, {MediaType: `text/plain; charset="utf 8"`}, {FileName: "a b+c%20d&e=f.txt"}, {}}
	name := ""
	for c := rune(0); c <= 0x10ffff; c += 251 { // a prime: every block is met
		next := "a" + string(c) + "b"
		if _, err := cas.ParseFileName(next); err != nil || !utf8.ValidRune(c) {
			continue
		}
		if len(name+next) > cas.MaxFileNameBytes {
			labels, name = append(labels, cas.Label{FileName: cas.FileName(name)}), ""
		}
		name += next
	}
	labels = append(labels, cas.Label{FileName: cas.FileName(name)})
	for i, label := range labels {
		size := 10
		if i < 2 {
			size = part + 1
		}
		content, d := rig.Content(size)
		ref := cas.Ref{Org: id, Digest: d}
		if _, err := r.Store.Put(t.Context(), ref, cas.UnknownLength, bytes.NewReader(content), label); err != nil {
			t.Fatalf("%+v: %v", label, err)
		}
		info, err := r.Store.Stat(t.Context(), ref)
		if got := (cas.Label{FileName: info.FileName, MediaType: info.MediaType, Uploader: info.Uploader}); err != nil || got != label {
			t.Errorf("%+v came back as %+v, %v", label, got, err)
		}
	}
}
