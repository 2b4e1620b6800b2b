package cas_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/managedcas/managedcas/internal/cas"
)

// Both sides of the limit, for every way to read: up to it everything, beyond it never
// the byte that is one too many.
func TestLimit(t *testing.T) {
	t.Parallel()
	content := []byte("0123456789")
	for _, limit := range []int64{0, 1, 9, 10, 11, math.MaxInt64} {
		for name, chunked := range map[string]func(io.Reader) io.Reader{
			"as it comes": func(r io.Reader) io.Reader { return r }, "one byte": iotest.OneByteReader, "data with EOF": iotest.DataErrReader,
		} {
			got, err := io.ReadAll(cas.Limit(chunked(bytes.NewReader(content)), limit))
			fits := int64(len(content)) <= limit
			if fits && (err != nil || len(got) != len(content)) || !fits && (!errors.Is(err, cas.ErrTooLarge) || int64(len(got)) > limit) {
				t.Errorf("limit %d, %s: %d bytes, %v", limit, name, len(got), err)
			}
		}
	}
	if err := iotest.TestReader(cas.Limit(bytes.NewReader(content), 10), content); err != nil {
		t.Error(err)
	}
}

// W20: both sides of every rule for file names.
func TestParseFileName(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		"", "a", "sbom.json", ".hidden", "...", "..a", "a b", "Ä ö 中文 🎉.txt", `"quoted"`, "100%", "a;b", "%2e%2e%2f", "-rf", "CON", "~", "a\u00a0b",
		"\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.pdf", "\U0001f468\u200d\U0001f469\u200d\U0001f467.png", // joiners
		strings.Repeat("a", 255), strings.Repeat("ä", 127) + "a",
	} {
		if name, err := cas.ParseFileName(good); err != nil || string(name) != good {
			t.Errorf("%q: %q, %v", good, name, err)
		}
	}
	for _, bad := range []string{
		".", "..", "/", "a/b", `a\b`, "/etc/passwd", "../../evil.txt", `..\evil`, "C:\\x",
		"a\nb", "a\rb", "a\tb", "a\x00b", "\x1b[2J", "\x7f", "a\u009bb", "a\xffb", "\xc0\xaf",
		"exe.\u202egpj", "a\u200bb", "\ufeffa", "a\u2028b", "a\u2029b", "a\u00adb",
		strings.Repeat("a", 256), strings.Repeat("ä", 128),
	} {
		name, err := cas.ParseFileName(bad)
		if !errors.Is(err, cas.ErrName) || name != "" {
			t.Errorf("%q: %q, %v", bad, name, err)
			continue
		}
		if strings.ContainsAny(err.Error(), "\x1b\n\x00\u202e") {
			t.Errorf("%q: the error says it verbatim", bad)
		}
	}
}

// FuzzFileName: an accepted name is one element of a path, and itself.
func FuzzFileName(f *testing.F) {
	for _, seed := range []string{"sbom.json", "..", "a/b", "\u202e", "\xff", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, err := cas.ParseFileName(text)
		if err != nil {
			return
		}
		if string(name) != text || len(text) > cas.MaxFileNameBytes || text == ".." || strings.ContainsAny(text, "/\\\x00\r\n") {
			t.Errorf("%q was accepted as %q", text, name)
		}
	})
}
