package kmsapi_test

import (
	"maps"
	"strings"
	"testing"
)

// Every operation needs its own action. Those on a key are granted by the key policy
// alone here: without a statement for the caller no IAM policy helps (facts AWS §6.2).
func TestPermissions(t *testing.T) {
	t.Parallel()
	for operation, in := range map[string]object{
		"DescribeKey": nil, "GetKeyPolicy": nil, "ListKeyPolicies": nil, "GetKeyRotationStatus": nil, "ListResourceTags": nil,
		"EnableKey": nil, "DisableKey": nil, "EnableKeyRotation": nil, "DisableKeyRotation": nil, "ScheduleKeyDeletion": nil,
		"UpdateKeyDescription":            {"Description": "x"},
		"PutKeyPolicy":                    {"Policy": keyPolicy(), "BypassPolicyLockoutSafetyCheck": true},
		"TagResource":                     {"Tags": []object{{"TagKey": "k", "TagValue": "v"}}},
		"UntagResource":                   {"TagKeys": []string{"k"}},
		"Encrypt":                         {"Plaintext": "AA=="},
		"GenerateDataKey":                 {"KeySpec": "AES_256"},
		"GenerateDataKeyWithoutPlaintext": {"KeySpec": "AES_128"},
	} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			named, admin := w.role("named", nothing), w.role("admin", allKMS)
			id, _ := w.createKey(object{"Policy": keyPolicy(
				`{"Effect":"Allow","Principal":{"AWS":"` + named.RoleARN + `"},"Action":"kms:` + operation + `","Resource":"*"}`)})
			with := object{"KeyId": id}
			maps.Copy(with, in)
			w.do(admin, operation, with).is(t, 400, "AccessDeniedException")
			w.do(named, operation, with).is(t, 200, "")

			other, _ := w.createKey(object{"Policy": keyPolicy(
				`{"Effect":"Allow","Principal":{"AWS":"` + named.RoleARN + `"},"NotAction":"kms:` + operation + `","Resource":"*"}`)})
			with["KeyId"] = other
			w.do(named, operation, with).is(t, 400, "AccessDeniedException")
		})
	}
}

// CreateKey, ListKeys and ListAliases have no key: IAM policies grant them, on "*".
func TestPermissionsWithoutKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, operation := range []string{"CreateKey", "ListKeys", "ListAliases"} {
		grant := func(resource string) string {
			return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:` + operation + `","Resource":"` + resource + `"}]}`
		}
		w.do(w.role("may-"+operation, grant("*")), operation, object{}).is(t, 200, "")
		w.do(w.role("keys-"+operation, grant("arn:aws:kms:*:*:key/*")), operation, object{}).is(t, 400, "AccessDeniedException")
	}
	creator := w.role("creator", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:CreateKey","Resource":"*"}]}`)
	w.do(creator, "CreateKey", object{"Tags": []object{{"TagKey": "k", "TagValue": "v"}}}).is(t, 400, "AccessDeniedException")
}

// An alias changes with permission on the alias and on each key that it names.
func TestAliasPermissions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const aliasOnly = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*Alias","Resource":"arn:aws:kms:eu-west-1:111122223333:alias/cas"}]}`
	caller, keyOnly := w.role("caller", aliasOnly), w.role("key-only", nothing)
	policy := keyPolicy(`{"Effect":"Allow","Principal":{"AWS":["` + caller.RoleARN + `","` + keyOnly.RoleARN + `"]},"Action":"kms:*Alias","Resource":"*"}`)
	mine, _ := w.createKey(object{"Policy": policy})
	foreign, _ := w.createKey(object{"Policy": keyPolicy()})
	create := func(name, id string) object { return object{"AliasName": "alias/" + name, "TargetKeyId": id} }

	w.do(caller, "CreateAlias", create("cas", foreign)).is(t, 400, "AccessDeniedException")
	w.do(caller, "CreateAlias", create("other", mine)).is(t, 400, "AccessDeniedException")
	w.do(keyOnly, "CreateAlias", create("cas", mine)).is(t, 400, "AccessDeniedException")
	w.do(caller, "CreateAlias", create("cas", mine)).is(t, 200, "")
	w.do(caller, "UpdateAlias", create("cas", foreign)).is(t, 400, "AccessDeniedException")
	w.do(keyOnly, "DeleteAlias", object{"AliasName": "alias/cas"}).is(t, 400, "AccessDeniedException")
	w.do(w.root, "UpdateAlias", create("cas", foreign)).is(t, 200, "")
	w.do(caller, "UpdateAlias", create("cas", mine)).is(t, 400, "AccessDeniedException")
	w.do(caller, "DeleteAlias", object{"AliasName": "alias/cas"}).is(t, 400, "AccessDeniedException")
}

func TestPutKeyPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.role("admin", allKMS)
	put := func(policy string, more object) answer {
		id, _ := w.createKey()
		in := object{"KeyId": id, "Policy": policy}
		maps.Copy(in, more)
		return w.do(admin, "PutKeyPolicy", in)
	}
	names := func(arn string) string {
		return `{"Effect":"Allow","Principal":{"AWS":"` + arn + `"},"Action":"kms:*","Resource":"*"}`
	}
	const malformed = "MalformedPolicyDocumentException"
	put(keyPolicy(names(admin.RoleARN)), nil).is(t, 200, "")
	put(keyPolicy(), nil).is(t, 400, malformed) // lockout (facts AWS §6.2)
	put(keyPolicy(), object{"BypassPolicyLockoutSafetyCheck": true}).is(t, 200, "")
	put(keyPolicy(names("arn:aws:iam::"+account+":role/absent")), nil).is(t, 400, malformed)
	put("{}", nil).is(t, 400, malformed)
	put(keyPolicy(names(admin.RoleARN)), object{"PolicyName": "other"}).is(t, 400, "NotFoundException")
	put(keyPolicy(names(admin.RoleARN))+strings.Repeat(" ", 32<<10), nil).is(t, 400, "LimitExceededException")
	w.do(admin, "CreateKey", object{"Policy": keyPolicy()}).is(t, 400, malformed)
}

// GetKeyPolicy shows ARNs, and the default policy delegates to the account.
func TestGetKeyPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.role("user", nothing)
	id, _ := w.createKey()
	text := w.do(w.root, "GetKeyPolicy", object{"KeyId": id, "PolicyName": "default"}).object(t)["Policy"].(string)
	if !strings.Contains(text, `"arn:aws:iam::111122223333:root"`) || strings.Count(text, "Effect") != 1 {
		t.Errorf("default policy: %s", text)
	}
	id, _ = w.createKey(object{"Policy": keyPolicy(`{"Effect":"Allow","Principal":{"AWS":"` + user.RoleARN + `"},"Action":"kms:Decrypt","Resource":"*"}`)})
	text = w.do(w.root, "GetKeyPolicy", object{"KeyId": id}).object(t)["Policy"].(string)
	if !strings.Contains(text, user.RoleARN) || strings.Contains(text, user.RoleID) {
		t.Errorf("policy: %s", text)
	}
	w.do(w.root, "GetKeyPolicy", object{"KeyId": id, "PolicyName": "x"}).is(t, 400, "NotFoundException")
}
