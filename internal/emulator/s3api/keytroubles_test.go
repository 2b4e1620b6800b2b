package s3api

import (
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/directory"
)

// kmsCall sends a request to KMS as root.
func (w *world) kmsCall(operation, body string) string {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), "POST", "/", nil)
	r.Header.Set("X-Amz-Target", "TrentService."+operation)
	req := &api.Request{Service: "kms", Caller: w.root, Region: region, Body: strings.NewReader(body)}
	rec := httptest.NewRecorder()
	if err := w.kms.Serve(rec, r.WithContext(api.WithRequest(r.Context(), req)), req); err != nil {
		w.t.Fatal(err)
	}
	return rec.Body.String()
}

// refusal is how S3 refuses: a status, a code and a part of the message.
type refusal struct {
	status        int
	code, message string
}

// trouble is something that is wrong with a key, or with a caller's right to it.
type trouble struct {
	name   string
	source string
	// cause makes it so and returns who asks.
	cause func(w *world, key string) *api.Caller
	// names is the key that new objects name, with KEY for the world's own. Without it
	// the key of the objects that are there is named.
	names    string
	generate refusal // of what makes a data key
	decrypt  refusal // of what opens one; zero: it succeeds
}

func keyTroubles() []trouble {
	const (
		facts    = "facts AWS §6.1"
		states   = "AWS's answers in https://github.com/localstack/localstack/issues/8422 and pull/8423"
		missing  = "https://github.com/minio/minio/issues/6582"
		badID    = "https://github.com/aws/aws-cli/issues/4507"
		badARN   = "https://github.com/kubernetes-retired/kube-aws/issues/1041"
		lost     = "https://github.com/chadgeary/nifi/issues/13"
		strange  = "https://repost.aws/knowledge-center/cross-account-access-denied-error-s3"
		delegate = "facts AWS §6.2"
	)
	asRoot := func(w *world, _ string) *api.Caller { return w.root }
	kms := func(operation, more string) func(*world, string) *api.Caller {
		return func(w *world, key string) *api.Caller {
			w.kmsCall(operation, `{"KeyId":"`+key+`"`+more+`}`)
			return w.root
		}
	}
	const everything = `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`
	may := func(action string) string {
		return `{"Version":"2012-10-17","Statement":[` + everything + `,{"Effect":"Allow","Action":["` + action + `"],"Resource":"*"}]}`
	}
	identity := func(action string) func(*world, string) *api.Caller {
		return func(w *world, _ string) *api.Caller { return w.role("narrow", may(action)) }
	}
	session := func(action string) func(*world, string) *api.Caller {
		return func(w *world, _ string) *api.Caller {
			w.role("wide", may("kms:*"))
			var role directory.Role
			err := w.dir.View(func(tx directory.Tx) (err error) {
				role, err = directory.Roles.Get(tx, "wide")
				return err
			})
			if err != nil {
				w.t.Fatal(err)
			}
			return w.dir.SessionCaller(role, directory.Session{RoleID: role.ID, Name: "s", Issued: time.Now(), PolicyPassed: true, InlinePolicy: may(action)})
		}
	}
	noone := func(w *world, key string) *api.Caller {
		w.kmsCall("PutKeyPolicy", `{"KeyId":"`+key+`","BypassPolicyLockoutSafetyCheck":true,"Policy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"`+w.role("keeper", may("kms:*")).RoleARN+`\"},\"Action\":\"kms:*\",\"Resource\":\"*\"}]}"}`)
		return w.role("wide", may("kms:*"))
	}
	lacks := func(policy, action string) refusal {
		return refusal{403, "AccessDenied", "because no " + policy + " allows the " + action + " action"}
	}
	const generate, decrypt = "kms:GenerateDataKey", "kms:Decrypt"
	return []trouble{
		{name: "disabled", source: states, cause: kms("DisableKey", ""),
			generate: refusal{400, "KMS.DisabledException", "is disabled."}, decrypt: refusal{400, "KMS.DisabledException", "is disabled."}},
		{name: "pending deletion", source: states, cause: kms("ScheduleKeyDeletion", `,"PendingWindowInDays":7`),
			generate: refusal{400, "KMS.KMSInvalidStateException", "is pending deletion."}, decrypt: refusal{400, "KMS.KMSInvalidStateException", "is pending deletion."}},
		{name: "deleted", source: missing + ", " + lost, cause: func(w *world, key string) *api.Caller {
			kms("ScheduleKeyDeletion", `,"PendingWindowInDays":7`)(w, key)
			time.Sleep(7 * 24 * time.Hour) // of the bubble's clock
			return w.root
		},
			generate: refusal{400, "KMS.NotFoundException", "does not exist"}, decrypt: refusal{403, "AccessDenied", "The ciphertext refers to a customer master key that does not exist"}},
		{name: "no such key", source: missing, cause: asRoot, names: "00000000-0000-4000-8000-000000000000",
			generate: refusal{400, "KMS.NotFoundException", "Key 'arn:aws:kms:" + region + ":" + account + ":key/00000000-0000-4000-8000-000000000000' does not exist"}},
		{name: "no such alias", source: "https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKey.html", cause: asRoot, names: "alias/none",
			generate: refusal{400, "KMS.NotFoundException", "Alias arn:aws:kms:" + region + ":" + account + ":alias/none is not found."}},
		{name: "malformed id", source: badID, cause: asRoot, names: "aws/s3",
			generate: refusal{400, "KMS.NotFoundException", "Invalid keyId aws/s3"}},
		{name: "another Region", source: badARN, cause: asRoot, names: "arn:aws:kms:us-east-1:" + account + ":key/00000000-0000-4000-8000-000000000000",
			generate: refusal{400, "KMS.NotFoundException", "Invalid arn us-east-1"}},
		{name: "another account", source: strange, cause: asRoot, names: "arn:aws:kms:" + region + ":444455556666:key/00000000-0000-4000-8000-000000000000",
			generate: refusal{403, "AccessDenied", "is not authorized to perform: kms:GenerateDataKey on resource: arn:aws:kms:" + region + ":444455556666:"}},
		{name: "identity policy without GenerateDataKey", source: facts, cause: identity(decrypt), generate: lacks("identity-based policy", generate)},
		{name: "identity policy without Decrypt", source: facts, cause: identity(generate), decrypt: lacks("identity-based policy", decrypt)},
		{name: "session policy without GenerateDataKey", source: facts, cause: session(decrypt), generate: lacks("session policy", generate)},
		{name: "session policy without Decrypt", source: facts, cause: session(generate), decrypt: lacks("session policy", decrypt)},
		{name: "key policy without the account", source: delegate, cause: noone, generate: lacks("resource-based policy", generate), decrypt: lacks("resource-based policy", decrypt)},
	}
}

// TestKeyTroubles: what S3 answers when there is something wrong with the key, for each
// operation that needs it (facts AWS §6.1), and that those which do not need it succeed.
func TestKeyTroubles(t *testing.T) {
	t.Parallel()
	for _, tc := range keyTroubles() {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { tc.check(t) })
		})
	}
}

func (tc trouble) check(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	under := []string{headerSSE, sseKMS, headerKeyID, key}
	w.put(w.root, "/shared/sealed", "secret", under...).is(t, 200, "")
	w.put(w.root, "/shared/plain", "open").is(t, 200, "")
	upload := w.begin("large", append(under, "x-amz-checksum-algorithm", "SHA256")...)
	sum := []string{"x-amz-checksum-sha256", sha256Of("part")}
	part := w.part(upload, 1, []byte("part"), sum...)

	who := tc.cause(w, key)
	if tc.names != "" {
		under[3] = tc.names
	}
	into := append([]string{"x-amz-copy-source", "/shared/plain"}, under...)
	none := refusal{}
	for _, step := range []struct {
		name   string
		want   refusal
		answer func() answer
	}{
		{"PutObject", tc.generate, func() answer { return w.put(who, "/shared/new", "x", under...) }},
		{"CreateMultipartUpload", tc.generate, func() answer { return w.do(who, "POST", "/shared/new?uploads", "", under...) }},
		{"CopyObject to it", tc.generate, func() answer { return w.put(who, "/shared/new", "", into...) }},
		{"GetObject", tc.decrypt, func() answer { return w.get(who, "/shared/sealed") }},
		{"GetObject of a range", tc.decrypt, func() answer { return w.get(who, "/shared/sealed", "Range", "bytes=0-1") }},
		{"HeadObject with checksum", tc.decrypt, func() answer { return w.do(who, "HEAD", "/shared/sealed", "", "x-amz-checksum-mode", "ENABLED") }},
		{"GetObjectAttributes", tc.decrypt, func() answer { return w.get(who, "/shared/sealed?attributes", headerAttributes, "Checksum") }},
		{"CopyObject from it", tc.decrypt, func() answer {
			return w.put(who, "/shared/copy", "", "x-amz-copy-source", "/shared/sealed", headerSSE, sseS3)
		}},
		{"UploadPart", tc.decrypt, func() answer { return w.do(who, "PUT", upload+"&partNumber=2", "part", sum...) }},
		{"UploadPartCopy", tc.decrypt, func() answer {
			return w.put(who, upload+"&partNumber=2", "", "x-amz-copy-source", "/shared/plain")
		}},
		{"CompleteMultipartUpload", tc.decrypt, func() answer { return w.do(who, "POST", upload, completion(part)) }},
		{"HeadObject", none, func() answer { return w.do(who, "HEAD", "/shared/sealed", "") }},
		{"PutObject under S3's key", none, func() answer { return w.put(who, "/shared/new", "x", headerSSE, sseS3) }},
		{"DeleteObject", none, func() answer { return w.do(who, "DELETE", "/shared/sealed", "") }},
	} {
		got := step.answer()
		if step.want == none {
			if got.Status/100 != 2 {
				t.Errorf("%s: %d %s", step.name, got.Status, got.Body)
			}
			continue
		}
		said := strings.NewReplacer("&#39;", "'", "&#34;", `"`).Replace(got.Body)
		if got.Status != step.want.status || got.Code != step.want.code || got.Req.Operation[:4] != "Head" && !strings.Contains(said, step.want.message) {
			t.Errorf("%s: %d %s, want %+v (%s): %s", step.name, got.Status, got.Code, step.want, tc.source, got.Body)
		}
	}
}
