package casgrpc

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/gob"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/digest"
)

// unsigned is gob's encoding of one: up to 127 as it is, else the number of its bytes,
// negated, and these (encoding/gob, "Encoding Details").
func unsigned(n uint64) []byte {
	if n < 0x80 {
		return []byte{byte(n)}
	}
	raw := bytes.TrimLeft(binary.BigEndian.AppendUint64(nil, n), "\x00")
	return append([]byte{byte(-len(raw))}, raw...)
}

// deep is a value of a type that holds itself, depth times.
func deep(t testing.TB, depth int) []byte {
	t.Helper()
	type nested struct {
		FileName, Digest string
		Inner            *nested
	}
	value := &nested{Digest: stockDigest}
	for range depth {
		value = &nested{Digest: stockDigest, FileName: "a", Inner: value}
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(value); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// bombs are gobs that claim much more than they are.
func bombs(t testing.TB) map[string][]byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(stock)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{
		"nested 20 times":         deep(t, 20),
		"types of types":          bytes.Repeat(raw[:len(raw)-82], 20),
		"a string of 2^40 bytes":  bytes.Replace(raw, []byte("\x09hello.txt"), append(unsigned(1<<40), "hello.txt"...), 1),
		"a message of 1 GiB less": append(unsigned(1<<30-1), raw...),
		"only lengths":            bytes.Repeat([]byte{0xf8, 0x7f}, 700),
		"empty messages":          make([]byte, 1500),
	}
	for _, claim := range []uint64{1 << 20, 1 << 30, 1<<30 + 1, 1 << 40, math.MaxInt64, math.MaxUint64} {
		all["a message of "+base64.StdEncoding.EncodeToString(unsigned(claim))] = append(unsigned(claim), raw...)
	}
	for _, extra := range []any{
		struct {
			Digest string
			Extra  [1 << 10]struct{}
		}{Digest: stockDigest},
		struct {
			Digest string
			Extra  map[string][][][]map[int][]byte
		}{stockDigest, map[string][][][]map[int][]byte{"a": {{{{1: make([]byte, 900)}}}}}},
	} {
		var b bytes.Buffer
		if err := gob.NewEncoder(&b).Encode(extra); err != nil {
			t.Fatal(err)
		}
		all["much that nobody asked for, "+string(rune('a'+len(all)))] = b.Bytes()
	}
	all["a slice of 2^60"] = sliceBomb(t)
	return all
}

// sliceBomb is a resource with a slice that claims 2^60 elements and has one.
func sliceBomb(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	value := struct {
		Digest string
		Extra  []bool
	}{stockDigest, []bool{true}}
	if err := gob.NewEncoder(&b).Encode(value); err != nil {
		t.Fatal(err)
	}
	raw := b.Bytes()
	at := bytes.LastIndex(raw, []byte{1, 1, 1, 0}) // field, count, element, end
	value2 := append(bytes.Clone(raw[:at+1]), unsigned(1<<60)...)
	value2 = append(value2, 1, 0)
	grown := len(value2) - len(raw)
	start := bytes.LastIndex(raw, []byte(stockDigest)) // the message with the value begins before
	for i := start; i >= 0; i-- {
		if int(raw[i]) == len(raw)-i-1 {
			value2[i] += byte(grown)
			break
		}
	}
	return value2
}

// Gob's decoder is not made for hostile input: no name of at most maxNameBytes makes it
// take more than a little memory, and what is no resource is refused.
func TestGobBombs(t *testing.T) { //nolint:paralleltest // it measures the process
	const most = 1 << 20
	for what, raw := range bombs(t) {
		text := base64.StdEncoding.EncodeToString(raw)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		w, err := uploadName(text)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > most {
			t.Errorf("%s: %d bytes of a name took %d KiB", what, len(text), took>>10)
		}
		if known := strings.Contains(what, "nobody asked for") || strings.HasPrefix(what, "nested"); (err == nil) != (known && len(text) <= maxNameBytes) {
			t.Errorf("%s: %+v, %v", what, w, err)
		}
	}
}

// FuzzGobName is FuzzUploadName behind base64, where gob's decoder is.
func FuzzGobName(f *testing.F) {
	for _, raw := range bombs(f) {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		text := base64.StdEncoding.EncodeToString(raw)
		w, err := uploadName(text)
		if err != nil {
			return
		}
		if back, err := digest.ParseHex(w.digest.Hex()); err != nil || back != w.digest || len(text) > maxNameBytes || strings.ContainsAny(string(w.file), "/\\\x00") {
			t.Errorf("%x: %+v", raw, w)
		}
	})
}
