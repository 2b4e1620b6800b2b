package kmsapi_test

import (
	"strings"
	"testing"
)

// Rows 32 to 35 of facts AWS §3.5, and what §6.2 and §10.2 say of conditions: what
// S3 may do with a key for a tenant's session.
func TestViaService(t *testing.T) {
	t.Parallel()
	const (
		object1     = "arn:aws:s3:::cas/org/x"
		delegation  = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"}`
		everybody   = `{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*","Condition":{"StringEquals":{"kms:CallerAccount":"111122223333","kms:ViaService":"` + viaS3 + `"}}}`
		named       = `{"Effect":"Allow","Principal":{"AWS":"TENANT"},"Action":"kms:*","Resource":"*"}`
		ownContext  = `{"Effect":"Allow","Principal":{"AWS":"TENANT"},"Action":"kms:*","Resource":"*","Condition":{"StringLike":{"kms:EncryptionContext:aws:s3:arn":"arn:aws:s3:::cas/org/*"},"ForAllValues:StringEquals":{"kms:EncryptionContextKeys":"aws:s3:arn"}}}`
		neverDirect = `{"Effect":"Deny","Principal":"*","Action":"kms:GenerateDataKey","Resource":"*","Condition":{"StringNotEquals":{"kms:ViaService":"` + viaS3 + `"}}}`
		// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html
		notThisWay = `{"Effect":"Deny","Principal":"*","Action":"kms:*DataKey","Resource":"*","Condition":{"StringEquals":{"kms:EncryptionAlgorithm":"SYMMETRIC_DEFAULT"}}}`
		// https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html
		notByService = `{"Effect":"Deny","Principal":"*","Action":"kms:GenerateDataKey","Resource":"*","Condition":{"Bool":{"aws:ViaAWSService":"true"}}}`
	)
	for _, tc := range []struct {
		about    string
		identity string
		session  string // "": none passed
		key      []string
		via      string
		arn      string
		allowed  bool
		because  string // part of the message
	}{
		{"delegation and identity policy", allKMS, "", []string{delegation}, viaS3, object1, true, ""},
		{"row 32: session policy without kms", allKMS, nothing, []string{delegation}, viaS3, object1, false, "no session policy allows the kms:GenerateDataKey action"},
		{"session policy with kms", allKMS, allKMS, []string{delegation}, viaS3, object1, true, ""},
		{"row 33: the role named, session policy without kms", allKMS, nothing, []string{named}, viaS3, object1, false, "no session policy allows"},
		{"row 34: everybody through S3", nothing, nothing, []string{everybody}, viaS3, object1, true, ""},
		{"row 34, but directly", nothing, nothing, []string{everybody}, "", object1, false, "no resource-based policy allows"},
		{"row 35: the key policy names nobody", allKMS, allKMS, nil, viaS3, object1, false, "no resource-based policy allows"},
		{"algorithm", allKMS, "", []string{named, notThisWay}, viaS3, object1, false, "with an explicit deny in a resource-based policy"},
		{"no identity policy", nothing, "", []string{delegation}, viaS3, object1, false, "no identity-based policy allows"},
		{"own encryption context", nothing, "", []string{ownContext}, viaS3, object1, true, ""},
		{"another's encryption context", nothing, "", []string{ownContext}, viaS3, "arn:aws:s3:::cas/other/x", false, "no resource-based policy allows"},
		{"directly, where only S3 may", allKMS, "", []string{named, neverDirect}, "", object1, false, "with an explicit deny in a resource-based policy"},
		{"through S3, where services may not", allKMS, "", []string{named, notByService}, viaS3, object1, false, "with an explicit deny in a resource-based policy"},
		{"directly, where services may not", allKMS, "", []string{named, notByService}, "", object1, true, ""},
		{"through S3, where only S3 may", allKMS, "", []string{named, neverDirect}, viaS3, object1, true, ""},
	} {
		t.Run(tc.about, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			caller := w.role("tenant", tc.identity)
			if tc.session != "" {
				caller = scoped(caller, tc.session)
			}
			for i, st := range tc.key {
				tc.key[i] = strings.ReplaceAll(st, "TENANT", caller.RoleARN)
			}
			_, arn := w.createKey(object{"Policy": keyPolicy(tc.key...)})
			_, _, err := w.svc.GenerateDataKey(t.Context(), caller, arn, map[string]string{"aws:s3:arn": tc.arn}, tc.via)
			code, message := via(err)
			if want := map[bool]string{true: "", false: "AccessDenied"}[tc.allowed]; code != want || !strings.Contains(message, tc.because) {
				t.Errorf("got %q: %s; want %q: …%s…", code, message, want, tc.because)
			}
			if !tc.allowed && !strings.Contains(message, "kms:GenerateDataKey on resource: "+arn) {
				t.Errorf("the message does not name action and key: %s", message)
			}
		})
	}
}

// Errors of KMS as S3 shows them (facts AWS §6.1), and only to those who may use the
// key.
func TestErrorsThroughS3(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	guest := w.role("guest", nothing)
	id, arn := w.createKey()
	context := map[string]string{"aws:s3:arn": "arn:aws:s3:::b"}
	_, sealed, err := w.svc.GenerateDataKey(t.Context(), w.root, arn, context, viaS3)
	if err != nil {
		t.Fatal(err)
	}
	decrypt := func(want string) {
		t.Helper()
		if _, err := w.svc.Decrypt(t.Context(), w.root, sealed, context, viaS3); codeOf(err) != want {
			t.Errorf("decrypt: %v, want %s", err, want)
		}
		if _, err := w.svc.Decrypt(t.Context(), guest, sealed, context, viaS3); codeOf(err) != "AccessDenied" {
			t.Errorf("a guest's decrypt: %v", err)
		}
	}
	decrypt("")
	w.do(w.root, "DisableKey", object{"KeyId": id}).is(t, 200, "")
	decrypt("KMS.DisabledException")
	w.do(w.root, "ScheduleKeyDeletion", object{"KeyId": id}).is(t, 200, "")
	decrypt("KMS.KMSInvalidStateException")
	if _, _, err := w.svc.GenerateDataKey(t.Context(), w.root, arn+"x", context, viaS3); codeOf(err) != "KMS.NotFoundException" {
		t.Errorf("unknown key: %v", err)
	}
	if _, err := w.svc.KeyARN("alias/none"); codeOf(err) != "KMS.NotFoundException" {
		t.Errorf("unknown alias: %v", err)
	}
}

func codeOf(err error) string {
	code, _ := via(err)
	return code
}
