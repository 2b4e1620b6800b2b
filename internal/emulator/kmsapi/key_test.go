package kmsapi_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCreateAndDescribe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, arn := w.createKey(object{"Description": "for tests", "Tags": []object{{"TagKey": "a", "TagValue": "1"}}})
	if want := "arn:aws:kms:eu-west-1:111122223333:key/" + id; arn != want {
		t.Errorf("ARN %s, want %s", arn, want)
	}
	w.do(w.root, "CreateAlias", object{"AliasName": "alias/cas", "TargetKeyId": id}).is(t, 200, "")
	for _, name := range []string{id, arn, "alias/cas", "arn:aws:kms:eu-west-1:111122223333:alias/cas"} {
		meta := w.do(w.root, "DescribeKey", object{"KeyId": name}).object(t)["KeyMetadata"].(object)
		for member, want := range map[string]any{
			"KeyId": id, "Arn": arn, "Description": "for tests", "Enabled": true, "KeyState": "Enabled", "Origin": "AWS_KMS",
			"KeyManager": "CUSTOMER", "KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT", "AWSAccountId": account,
		} {
			if meta[member] != want {
				t.Errorf("%s: %s is %v, want %v", name, member, meta[member], want)
			}
		}
	}
	for name, want := range map[string]string{
		"none":                                 "NotFoundException",
		"alias/none":                           "NotFoundException",
		"00000000-0000-4000-8000-000000000000": "NotFoundException",
		"arn:aws:kms:us-east-1:111122223333:key/" + id: "NotFoundException",
		"arn:aws:s3:eu-west-1:111122223333:key/" + id:  "NotFoundException",
		"arn:aws:kms:eu-west-1":                        "NotFoundException",
		"arn:aws:kms:eu-west-1:444455556666:key/" + id: "AccessDeniedException",
	} {
		w.do(w.root, "DescribeKey", object{"KeyId": name}).is(t, 400, want)
	}
	w.do(w.root, "DescribeKey", object{}).is(t, 400, "ValidationException")
	w.do(w.root, "GetKeyPolicy", object{"KeyId": "alias/cas"}).is(t, 400, "InvalidArnException")
}

// What is not there is refused by name, never ignored.
func TestRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, _ := w.createKey()
	for _, tc := range []struct {
		operation string
		in        object
	}{
		{"CreateKey", object{"KeySpec": "RSA_2048"}},
		{"CreateKey", object{"KeyUsage": "SIGN_VERIFY"}},
		{"CreateKey", object{"Origin": "EXTERNAL"}},
		{"CreateKey", object{"MultiRegion": true}},
		{"CreateKey", object{"CustomKeyStoreId": "x"}},
		{"Decrypt", object{"CiphertextBlob": "AA==", "GrantTokens": []string{"x"}}},
		{"Encrypt", object{"KeyId": id, "Plaintext": "AA==", "EncryptionAlgorithm": "RSAES_OAEP_SHA_1"}},
		{"CreateGrant", object{"KeyId": id}},
		{"GenerateMac", object{}},
	} {
		w.do(w.root, tc.operation, tc.in).is(t, 501, "NotImplemented")
	}
	w.raw(w.root, "ListKeys", "[]").is(t, 400, "SerializationException")
	w.raw(w.root, "ListKeys", "{}{}").is(t, 400, "SerializationException")
	w.raw(w.root, "ListKeys", strings.Repeat(" ", 129<<10)).is(t, 400, "ValidationException")
}

// https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
func TestStates(t *testing.T) {
	t.Parallel()
	const (
		off     = "DisabledException"
		pending = "KMSInvalidStateException"
	)
	for _, tc := range []struct {
		operation         string
		in                object
		disabled, waiting string // the error in state Disabled and PendingDeletion
	}{
		{"DescribeKey", nil, "", ""},
		{"GetKeyPolicy", nil, "", ""},
		{"GetKeyRotationStatus", nil, "", ""},
		{"ListResourceTags", nil, "", ""},
		{"PutKeyPolicy", object{"Policy": keyPolicy()}, "", ""},
		{"Encrypt", object{"Plaintext": "AA=="}, off, pending},
		{"GenerateDataKey", object{"KeySpec": "AES_256"}, off, pending},
		{"GenerateDataKeyWithoutPlaintext", object{"NumberOfBytes": 7}, off, pending},
		{"EnableKeyRotation", nil, off, pending},
		{"DisableKeyRotation", nil, off, pending},
		{"EnableKey", nil, "", pending},
		{"DisableKey", nil, "", pending},
		{"UpdateKeyDescription", object{"Description": "x"}, "", pending},
		{"TagResource", object{"Tags": []object{{"TagKey": "k", "TagValue": "v"}}}, "", pending},
		{"UntagResource", object{"TagKeys": []string{"k"}}, "", pending},
		{"ScheduleKeyDeletion", nil, "", pending},
		{"CancelKeyDeletion", nil, pending, ""},
	} {
		t.Run(tc.operation, func(t *testing.T) {
			t.Parallel()
			for move, want := range map[string]string{"DisableKey": tc.disabled, "ScheduleKeyDeletion": tc.waiting} {
				w := newWorld(t)
				id, _ := w.createKey()
				w.do(w.root, move, object{"KeyId": id}).is(t, 200, "")
				in := object{"KeyId": id}
				for k, v := range tc.in {
					in[k] = v
				}
				status := 200
				if want != "" {
					status = 400
				}
				w.do(w.root, tc.operation, in).is(t, status, want)
			}
		})
	}
}

func TestDeletion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id, arn := w.createKey()
		w.do(w.root, "CreateAlias", object{"AliasName": "alias/cas", "TargetKeyId": id}).is(t, 200, "")
		sealed := w.do(w.root, "Encrypt", object{"KeyId": id, "Plaintext": "AQID"}).object(t)["CiphertextBlob"]
		for days, code := range map[int]string{6: "ValidationException", 31: "ValidationException"} {
			w.do(w.root, "ScheduleKeyDeletion", object{"KeyId": id, "PendingWindowInDays": days}).is(t, 400, code)
		}
		out := w.do(w.root, "ScheduleKeyDeletion", object{"KeyId": id, "PendingWindowInDays": 7}).object(t)
		if out["KeyState"] != "PendingDeletion" || out["PendingWindowInDays"] != 7.0 || out["KeyId"] != arn {
			t.Errorf("schedule: %v", out)
		}
		time.Sleep(7*24*time.Hour - time.Minute)
		w.do(w.root, "CancelKeyDeletion", object{"KeyId": id}).is(t, 200, "")
		w.do(w.root, "EnableKey", object{"KeyId": id}).is(t, 200, "")
		w.do(w.root, "Decrypt", object{"CiphertextBlob": sealed}).is(t, 200, "")

		w.do(w.root, "ScheduleKeyDeletion", object{"KeyId": id, "PendingWindowInDays": 7}).is(t, 200, "")
		time.Sleep(7*24*time.Hour + time.Second)
		w.do(w.root, "CancelKeyDeletion", object{"KeyId": id}).is(t, 400, "NotFoundException")
		w.do(w.root, "Decrypt", object{"CiphertextBlob": sealed}).is(t, 400, "AccessDeniedException")
		w.svc.Close()
		w.db.Close()
		w.open()
		if n := len(w.do(w.root, "ListKeys", object{}).object(t)["Keys"].([]any)); n != 0 {
			t.Errorf("%d keys are left after a restart", n)
		}
		if n := len(w.do(w.root, "ListAliases", object{}).object(t)["Aliases"].([]any)); n != 0 {
			t.Errorf("%d aliases are left after a restart", n)
		}
	})
}

func TestRotationStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, arn := w.createKey()
	status := func() object {
		out := w.do(w.root, "GetKeyRotationStatus", object{"KeyId": id}).object(t)
		delete(out, "NextRotationDate")
		return out
	}
	off := object{"KeyId": arn, "KeyRotationEnabled": false}
	if diff := cmp.Diff(off, status()); diff != "" {
		t.Errorf("new key (-want +got):\n%s", diff)
	}
	w.do(w.root, "EnableKeyRotation", object{"KeyId": id}).is(t, 200, "")
	if diff := cmp.Diff(object{"KeyId": arn, "KeyRotationEnabled": true, "RotationPeriodInDays": 365.0}, status()); diff != "" {
		t.Errorf("enabled (-want +got):\n%s", diff)
	}
	w.do(w.root, "EnableKeyRotation", object{"KeyId": id, "RotationPeriodInDays": 89}).is(t, 400, "ValidationException")
	w.do(w.root, "DisableKeyRotation", object{"KeyId": id}).is(t, 200, "")
	if diff := cmp.Diff(off, status()); diff != "" {
		t.Errorf("disabled (-want +got):\n%s", diff)
	}
}

func TestAliases(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, _ := w.createKey()
	two, _ := w.createKey()
	for name, code := range map[string]string{
		"cas": "InvalidAliasNameException", "alias/": "InvalidAliasNameException", "alias/a b": "InvalidAliasNameException",
		"alias/" + strings.Repeat("a", 251): "InvalidAliasNameException", "alias/aws/s3": "NotAuthorizedException",
	} {
		w.do(w.root, "CreateAlias", object{"AliasName": name, "TargetKeyId": one}).is(t, 400, code)
	}
	for _, name := range []string{"alias/a", "alias/b", "alias/c"} {
		w.do(w.root, "CreateAlias", object{"AliasName": name, "TargetKeyId": one}).is(t, 200, "")
	}
	w.do(w.root, "CreateAlias", object{"AliasName": "alias/a", "TargetKeyId": two}).is(t, 400, "AlreadyExistsException")
	w.do(w.root, "UpdateAlias", object{"AliasName": "alias/a", "TargetKeyId": two}).is(t, 200, "")
	w.do(w.root, "UpdateAlias", object{"AliasName": "alias/x", "TargetKeyId": two}).is(t, 400, "NotFoundException")
	w.do(w.root, "DeleteAlias", object{"AliasName": "alias/b"}).is(t, 200, "")
	w.do(w.root, "DeleteAlias", object{"AliasName": "alias/b"}).is(t, 400, "NotFoundException")

	list := func(in object) (got []string, marker any) {
		out := w.do(w.root, "ListAliases", in).object(t)
		for _, a := range out["Aliases"].([]any) {
			got = append(got, fmt.Sprint(a.(object)["AliasName"], "=", a.(object)["TargetKeyId"]))
		}
		return got, out["NextMarker"]
	}
	got, marker := list(object{"Limit": 1})
	if diff := cmp.Diff([]string{"alias/a=" + two}, got); diff != "" {
		t.Errorf("first page (-want +got):\n%s", diff)
	}
	got, marker = list(object{"Limit": 1, "Marker": marker})
	if diff := cmp.Diff([]string{"alias/c=" + one}, got); diff != "" || marker != nil {
		t.Errorf("last page (-want +got):\n%s marker %v", diff, marker)
	}
	got, _ = list(object{"KeyId": two})
	if diff := cmp.Diff([]string{"alias/a=" + two}, got); diff != "" {
		t.Errorf("of one key (-want +got):\n%s", diff)
	}
	for operation, in := range map[string]object{"ListAliases": {}, "ListKeys": {}, "ListResourceTags": {"KeyId": one}} {
		in["Marker"] = "zzz"
		w.do(w.root, operation, in).is(t, 400, "InvalidMarkerException")
	}
	w.do(w.root, "ListAliases", object{"Limit": 101}).is(t, 400, "ValidationException")
}

func TestTags(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, _ := w.createKey(object{"Tags": []object{{"TagKey": "a", "TagValue": "1"}}})
	tag := func(pairs ...string) answer {
		var tags []object
		for _, p := range pairs {
			k, v, _ := strings.Cut(p, "=")
			tags = append(tags, object{"TagKey": k, "TagValue": v})
		}
		return w.do(w.root, "TagResource", object{"KeyId": id, "Tags": tags})
	}
	tag("b=2", "c=3").is(t, 200, "")
	tag("a=4").is(t, 200, "")
	tag("a=4", "a=5").is(t, 400, "TagException")
	tag("aws:a=4").is(t, 400, "TagException")
	w.do(w.root, "UntagResource", object{"KeyId": id, "TagKeys": []string{"b"}}).is(t, 200, "")
	out := w.do(w.root, "ListResourceTags", object{"KeyId": id}).object(t)
	want := object{"Tags": []any{object{"TagKey": "a", "TagValue": "4"}, object{"TagKey": "c", "TagValue": "3"}}, "Truncated": false}
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	out = w.do(w.root, "ListResourceTags", object{"KeyId": id, "Limit": 1}).object(t)
	rest := w.do(w.root, "ListResourceTags", object{"KeyId": id, "Marker": out["NextMarker"]}).object(t)
	if out["Truncated"] != true || rest["Truncated"] != false {
		t.Errorf("first page: %v, last page: %v", out, rest)
	}
	if diff := cmp.Diff(want["Tags"], append(out["Tags"].([]any), rest["Tags"].([]any)...)); diff != "" {
		t.Errorf("both pages (-want +got):\n%s", diff)
	}
}
