package kmsapi_test

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"
)

func TestEncryptDecrypt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, arn := w.createKey()
	other, _ := w.createKey()
	context := object{"aws:s3:arn": "arn:aws:s3:::b/k", "n": "1"}
	out := w.do(w.root, "Encrypt", object{"KeyId": id, "Plaintext": "AQID", "EncryptionContext": context}).object(t)
	sealed := out["CiphertextBlob"].(string)
	if out["KeyId"] != arn {
		t.Errorf("KeyId %v", out["KeyId"])
	}
	out = w.do(w.root, "Decrypt", object{"CiphertextBlob": sealed, "EncryptionContext": context, "KeyId": arn}).object(t)
	if out["Plaintext"] != "AQID" || out["KeyId"] != arn {
		t.Errorf("decrypted %v", out)
	}
	const bad = "InvalidCiphertextException"
	w.do(w.root, "Decrypt", object{"CiphertextBlob": sealed}).is(t, 400, bad)
	w.do(w.root, "Decrypt", object{"CiphertextBlob": sealed, "EncryptionContext": object{"aws:s3:arn": "arn:aws:s3:::b/k2", "n": "1"}}).is(t, 400, bad)
	w.do(w.root, "Decrypt", object{"CiphertextBlob": sealed, "EncryptionContext": context, "KeyId": other}).is(t, 400, "IncorrectKeyException")
	w.do(w.root, "Decrypt", object{"CiphertextBlob": "AAAA"}).is(t, 400, bad)
	w.do(w.root, "Decrypt", object{}).is(t, 400, "ValidationException")
	w.do(w.root, "Encrypt", object{"KeyId": id, "Plaintext": make([]byte, 4097)}).is(t, 400, "ValidationException")
	w.do(w.root, "Encrypt", object{"KeyId": id, "Plaintext": "AA==", "EncryptionContext": object{"A": "1", "a": "2"}}).is(t, 400, "ValidationException")
	w.do(w.root, "Encrypt", object{"KeyId": id, "Plaintext": "AA==", "EncryptionContext": object{"a": string(make([]byte, 8193))}}).is(t, 400, "ValidationException")
}

func TestDataKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, _ := w.createKey()
	for _, tc := range []struct {
		in   object
		size int // 0: refused
	}{
		{object{"KeySpec": "AES_256"}, 32},
		{object{"KeySpec": "AES_128"}, 16},
		{object{"NumberOfBytes": 1024}, 1024},
		{object{"NumberOfBytes": 1025}, 0},
		{object{"NumberOfBytes": 0}, 0},
		{object{"KeySpec": "AES_512"}, 0},
		{object{"KeySpec": "AES_256", "NumberOfBytes": 32}, 0},
		{object{}, 0},
	} {
		tc.in["KeyId"] = id
		got := w.do(w.root, "GenerateDataKey", tc.in)
		if tc.size == 0 {
			got.is(t, 400, "ValidationException")
			continue
		}
		out := got.object(t)
		plain, err := base64.StdEncoding.DecodeString(out["Plaintext"].(string))
		if err != nil || len(plain) != tc.size {
			t.Errorf("%v: %d bytes, %v", tc.in, len(plain), err)
		}
		back := w.do(w.root, "Decrypt", object{"CiphertextBlob": out["CiphertextBlob"]}).object(t)
		if back["Plaintext"] != out["Plaintext"] {
			t.Errorf("%v does not decrypt to itself", tc.in)
		}
	}
	out := w.do(w.root, "GenerateDataKeyWithoutPlaintext", object{"KeyId": id, "KeySpec": "AES_256"}).object(t)
	if _, shown := out["Plaintext"]; shown {
		t.Error("the plaintext is shown")
	}
}

// Keys survive a restart; their material is in its own file, for its owner only.
func TestRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, arn := w.createKey()
	plain, sealed, err := w.svc.GenerateDataKey(t.Context(), w.root, arn, nil, viaS3)
	if err != nil {
		t.Fatal(err)
	}
	w.close()
	info, err := os.Stat(filepath.Join(w.home, "keys.db"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("keys.db: %v, %v", info.Mode(), err)
	}
	w.open()
	got, err := w.svc.Decrypt(t.Context(), w.root, sealed, nil, viaS3)
	if err != nil || !bytes.Equal(got, plain) {
		t.Errorf("after a restart: %v", err)
	}
	if got, err := w.svc.KeyARN(id); got != arn || err != nil {
		t.Errorf("KeyARN: %s, %v", got, err)
	}
}
