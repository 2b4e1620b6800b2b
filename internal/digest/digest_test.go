package digest_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/managedcas/managedcas/internal/digest"
)

const (
	abcHex    = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	abcBase64 = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
	emptyHex  = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

func TestOfKnownContent(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ content, hex, source string }{
		{"abc", abcHex, "FIPS 180-4 example, https://csrc.nist.gov/projects/cryptographic-standards-and-guidelines/example-values"},
		{"", emptyHex, "the hash that SigV4 uses for an empty payload"},
	} {
		d := digest.Of([]byte(test.content))
		if d.Hex() != test.hex || d.String() != "sha256:"+test.hex {
			t.Errorf("%q: got %s (%s)", test.content, d, test.source)
		}
		if d.IsZero() {
			t.Errorf("%q has the zero digest", test.content)
		}
	}
	if got := digest.Of([]byte("abc")).Base64(); got != abcBase64 {
		t.Errorf("base64: got %s, want %s (RFC 4648 §4 of the value above)", got, abcBase64)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty":             "",
		"prefix alone":      "sha256:",
		"bare hex":          abcHex,
		"uppercase":         "sha256:" + strings.ToUpper(abcHex),
		"uppercase prefix":  "SHA256:" + abcHex,
		"one digit short":   "sha256:" + abcHex[1:],
		"one digit more":    "sha256:" + abcHex + "0",
		"not hexadecimal":   "sha256:" + "g" + abcHex[1:],
		"space":             "sha256: " + abcHex[1:],
		"trailing newline":  "sha256:" + abcHex + "\n",
		"other algorithm":   "sha512:" + abcHex,
		"prefix twice":      "sha256:sha256:" + abcHex,
		"path":              "sha256:" + strings.Repeat("../", 21) + "x",
		"wide digits":       "sha256:" + strings.Repeat("０", 21) + "0",
		"NUL":               "sha256:" + abcHex[:63] + "\x00",
		"invalid UTF-8":     "sha256:" + abcHex[:63] + "\xff",
		"very long garbage": strings.Repeat("x", 1<<20),
	} {
		d, err := digest.Parse(text)
		if !errors.Is(err, digest.ErrDigest) {
			t.Errorf("%s: got %v", name, err)
		}
		if !d.IsZero() {
			t.Errorf("%s: a digest came with the error", name)
		}
		if err != nil && len(err.Error()) > 500 {
			t.Errorf("%s: the error repeats %d characters of input", name, len(err.Error()))
		}
	}
	if _, err := digest.ParseHex("sha256:" + abcHex); !errors.Is(err, digest.ErrDigest) {
		t.Errorf("ParseHex with a prefix: got %v", err)
	}
}

func TestFromSumRefusesOtherLengths(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 20, 31, 33, 64} {
		if _, err := digest.FromSum(make([]byte, n)); !errors.Is(err, digest.ErrDigest) {
			t.Errorf("%d bytes: got %v", n, err)
		}
	}
}

// Every text form leads back to the same value, and to that text only.
func TestTextFormsRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d, err := digest.FromSum(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "sum"))
		if err != nil {
			t.Fatal(err)
		}
		if back, err := digest.Parse(d.String()); err != nil || back != d {
			t.Fatalf("Parse(%s) = %s, %v", d, back, err)
		}
		if back, err := digest.ParseHex(d.Hex()); err != nil || back != d {
			t.Fatalf("ParseHex(%s) = %s, %v", d.Hex(), back, err)
		}
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var back digest.Digest
		if err := json.Unmarshal(text, &back); err != nil || back != d {
			t.Fatalf("through JSON: %s, %v", back, err)
		}
	})
}

func TestUnmarshalKeepsTheOldValueOnError(t *testing.T) {
	t.Parallel()
	d := digest.Of([]byte("abc"))
	if err := d.UnmarshalText([]byte("sha256:no")); err == nil || d != digest.Of([]byte("abc")) {
		t.Errorf("got %s, %v", d, err)
	}
}

func FuzzParseDigest(f *testing.F) {
	for _, seed := range []string{
		"sha256:" + abcHex, "sha256:" + emptyHex, "sha256:" + strings.ToUpper(abcHex), abcHex, "sha256:", "", "sha256:" + abcHex + "\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := digest.Parse(text)
		switch {
		case err == nil && d.String() != text:
			t.Errorf("%q was read as %s: two spellings of one address", text, d)
		case err != nil && !errors.Is(err, digest.ErrDigest):
			t.Errorf("%q: %v", text, err)
		case err != nil && !d.IsZero():
			t.Errorf("%q: %s came with an error", text, d)
		}
	})
}
