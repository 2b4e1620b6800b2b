package kmsapi

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

var testMaterial = bytes.Repeat([]byte{7}, materialSize)

// What is sealed opens with the same material and context and with no other, and
// any changed bit is noticed.
func TestSealProperties(t *testing.T) {
	t.Parallel()
	texts := rapid.MapOfN(rapid.StringN(0, 8, -1), rapid.StringN(0, 8, -1), 0, 4)
	rapid.Check(t, func(t *rapid.T) {
		plaintext := rapid.SliceOfN(rapid.Byte(), 1, 64).Draw(t, "plaintext")
		context := texts.Draw(t, "context")
		id := uuid.New().String()
		sealed, err := seal(testMaterial, id, plaintext, context)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := keyOf(sealed); got != id || err != nil {
			t.Fatalf("key %s, %v", got, err)
		}
		if got, err := open(testMaterial, sealed, context); err != nil || !bytes.Equal(got, plaintext) {
			t.Fatalf("opened %x, %v", got, err)
		}
		other := texts.Draw(t, "other")
		same := bytes.Equal(additional(nil, context), additional(nil, other))
		if _, err := open(testMaterial, sealed, other); (err == nil) != same {
			t.Fatalf("context %q opened with %q: %v", context, other, err)
		}
		if _, err := open(bytes.Repeat([]byte{8}, materialSize), sealed, context); !errors.Is(err, errCiphertext) {
			t.Fatalf("opened with other material: %v", err)
		}
		bit := rapid.IntRange(0, 8*len(sealed)-1).Draw(t, "bit")
		sealed[bit/8] ^= 1 << (bit % 8)
		if _, err := open(testMaterial, sealed, context); !errors.Is(err, errCiphertext) {
			t.Fatalf("bit %d changed: %v", bit, err)
		}
	})
}

// Contexts that read the same when put together are different contexts.
func TestAdditionalIsInjective(t *testing.T) {
	t.Parallel()
	seen := map[string]map[string]string{}
	for _, c := range []map[string]string{
		nil, {"a": "bc"}, {"ab": "c"}, {"": "abc"}, {"abc": ""}, {"a": "b", "c": ""}, {"a": "", "b": "c"}, {"a": "", "bc": ""},
	} {
		text := string(additional(nil, c))
		if old, twice := seen[text]; twice {
			t.Errorf("%v and %v are encoded alike", old, c)
		}
		seen[text] = c
	}
}

func FuzzOpen(f *testing.F) {
	sealed, err := seal(testMaterial, "0f8fad5b-d9cb-469f-a165-70867728950e", []byte("secret"), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{})
	f.Add([]byte{formatVersion})
	f.Add(sealed[:headerSize])
	f.Add(append(bytes.Clone(sealed), 0))
	f.Fuzz(func(t *testing.T, ciphertext []byte) {
		if _, err := keyOf(ciphertext); err != nil && !errors.Is(err, errCiphertext) {
			t.Errorf("keyOf: %v", err)
		}
		// Every process of a fuzzing run seals anew, so a seed of another one may open too.
		if plain, err := open(testMaterial, ciphertext, nil); err == nil && string(plain) != "secret" {
			t.Errorf("a made-up ciphertext opened: %x", plain)
		}
	})
}
