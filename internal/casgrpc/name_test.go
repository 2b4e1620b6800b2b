package casgrpc

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
)

// stock is what the stock client sent for hello.txt (facts WIRE §5.3).
const (
	stock       = "OX8DAQELQ0FTUmVzb3VyY2UB/4AAAQMBCEZpbGVOYW1lAQwAAQZEaWdlc3QBDAABBFNpemUBBAAAAFD/gAEJaGVsbG8udHh0AUA1ODkxYjViNTIyZDVkZjA4NmQwZmYwYjExMGZiZDlkMjFiYjRmYzcxNjNhZjM0ZDA4Mjg2YTJlODQ2ZjZiZTAzAA=="
	stockDigest = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
)

func encoded(t testing.TB, value any) string {
	t.Helper()
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(value); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

func TestUploadName(t *testing.T) {
	t.Parallel()
	parse := func(text string) (digest.Digest, cas.FileName, error) {
		w, err := uploadName(text)
		return w.digest, w.file, err
	}
	d, name, err := parse(stock)
	if err != nil || d.Hex() != stockDigest || name != "hello.txt" {
		t.Errorf("the stock client's: %s, %q, %v", d, name, err)
	}
	if d, name, err := parse(stockDigest); err != nil || d.Hex() != stockDigest || name != "" {
		t.Errorf("bare: %s, %q, %v", d, name, err)
	}
	long := strings.Repeat("ä", 127)
	type reordered struct {
		Digest, FileName string
		Extra            []int
	}
	if d, name, err := parse(encoded(t, reordered{stockDigest, long, []int{1}})); err != nil || d.Hex() != stockDigest || string(name) != long {
		t.Errorf("reordered, with more: %s, %q, %v", d, name, err)
	}

	type nested struct{ Digest struct{ FileName string } }
	raw, _ := base64.StdEncoding.DecodeString(stock)
	huge := append([]byte{0xf8, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, raw...)
	for what, text := range map[string]string{
		"empty":                 "",
		"not base64":            "not-a-digest/../x",
		"base64 of nothing":     "AAAA",
		"base64 of text":        base64.StdEncoding.EncodeToString([]byte(stockDigest)),
		"another type":          encoded(t, 42),
		"another field type":    encoded(t, nested{}),
		"cut off":               base64.StdEncoding.EncodeToString(raw[:len(raw)-1]),
		"something after it":    base64.StdEncoding.EncodeToString(append(bytes.Clone(raw), 0)),
		"twice":                 base64.StdEncoding.EncodeToString(append(bytes.Clone(raw), raw...)),
		"length of 2^63":        base64.StdEncoding.EncodeToString(huge),
		"bare, uppercase":       strings.ToUpper(stockDigest),
		"bare, with its prefix": "sha256:" + stockDigest,
		"2 KiB and a byte":      strings.Repeat("A", maxNameBytes+1),
		"no digest":             encoded(t, resource{FileName: "a"}),
		"a bad media type":      encoded(t, resource{FileName: "a", Digest: stockDigest, MediaType: "text"}),
	} {
		if w, err := uploadName(text); err == nil {
			t.Errorf("%s: %+v", what, w)
		}
	}
}

const someUUID = "6f1c1f9e-9a3c-4c57-8b49-5d3b7b6f0c11"

// The names of the Remote Execution API declare a size; nothing else passes for one.
func TestBlobNames(t *testing.T) {
	t.Parallel()
	w, err := uploadName("uploads/" + someUUID + "/blobs/" + stockDigest + "/17")
	if err != nil || w.digest.Hex() != stockDigest || w.length != 17 || w.file != "" {
		t.Errorf("%+v, %v", w, err)
	}
	for text, want := range map[string]int64{"blobs/" + stockDigest + "/0": 0, stockDigest: cas.UnknownLength} {
		if d, size, err := downloadName(text); err != nil || d.Hex() != stockDigest || size != want {
			t.Errorf("%q: %s, %d, %v", text, d, size, err)
		}
	}
	for _, size := range []string{"", "-1", "+1", "01", "1.0", "0x1", "9223372036854775808", "1/", "1/a.txt", " 1"} {
		if w, err := uploadName("uploads/" + someUUID + "/blobs/" + stockDigest + "/" + size); err == nil {
			t.Errorf("size %q: %+v", size, w)
		}
		if _, _, err := downloadName("blobs/" + stockDigest + "/" + size); err == nil {
			t.Errorf("size %q is read", size)
		}
	}
	for _, text := range []string{
		"uploads//blobs/" + stockDigest + "/1", "uploads/x/blobs/" + stockDigest + "/1", "uploads/" + someUUID + "/" + stockDigest + "/1",
		"instance/uploads/" + someUUID + "/blobs/" + stockDigest + "/1", "blobs/" + stockDigest + "/1",
		"uploads/" + someUUID + "/blobs/not-a-digest/1", "uploads/" + someUUID + "/compressed-blobs/zstd/" + stockDigest + "/1",
	} {
		if w, err := uploadName(text); err == nil {
			t.Errorf("%q: %+v", text, w)
		}
	}
}

// The longest name that is allowed fits in the bound on what gob's decoder sees.
func TestLongestNameFits(t *testing.T) {
	t.Parallel()
	media := "a/" + strings.Repeat("b", 127) + "; c=" + strings.Repeat("d", 122)
	for _, name := range []string{strings.Repeat("\U0001f389", 63) + "abc", strings.Repeat("a", 255)} {
		text := encoded(t, resource{FileName: name, Digest: stockDigest, MediaType: media})
		w, err := uploadName(text)
		if err != nil || len(text) > maxNameBytes || string(w.file) != name || string(w.media) != media {
			t.Errorf("%d bytes, %+v, %v", len(text), w, err)
		}
	}
}

// W20: the stock client sends the base name of a file as it is: none keeps it from storing.
func TestOddNamesAreCleaned(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]cas.FileName{
		"two\nlines": "two_lines", "../../evil.txt": "evil.txt", `back\slash`: "slash", "..": "", "\xff\xfe.txt": "_.txt",
		strings.Repeat("a", 300) + ".json": cas.FileName(strings.Repeat("a", 250) + ".json"),
	} {
		if w, err := uploadName(encoded(t, resource{FileName: name, Digest: stockDigest})); err != nil || w.file != want {
			t.Errorf("%q: %q, %v, want %q", name, w.file, err, want)
		}
	}
}

// FuzzUploadName: hostile names neither crash nor yield a name or digest that is not
// valid by itself.
func FuzzUploadName(f *testing.F) {
	f.Add(stock)
	f.Add(stockDigest)
	f.Add("")
	f.Add("uploads/" + someUUID + "/blobs/" + stockDigest + "/17")
	f.Add("blobs/" + stockDigest + "/17")
	f.Add(encoded(f, resource{FileName: "a/b", Digest: stockDigest}))
	f.Add(encoded(f, map[string]string{"Digest": stockDigest}))
	f.Add(encoded(f, [][]struct{}{{{}, {}}}))
	f.Fuzz(func(t *testing.T, text string) {
		if d, size, err := downloadName(text); err == nil && (len(d.Hex()) != 64 || size < cas.UnknownLength) {
			t.Errorf("read %q: %s, %d", text, d, size)
		}
		w, err := uploadName(text)
		if err != nil {
			return
		}
		d, name := w.digest, w.file
		if w.length < cas.UnknownLength {
			t.Errorf("%q: %d bytes", text, w.length)
		}
		if back, err := digest.ParseHex(d.Hex()); err != nil || back != d || len(text) > maxNameBytes {
			t.Errorf("%q: %s", text, d)
		}
		if strings.ContainsAny(string(name), "/\\\x00\n") || len(name) > 255 {
			t.Errorf("%q: %q", text, name)
		}
	})
}
