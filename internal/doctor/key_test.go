package doctor

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// healthyKey is section 2 of the guide, done as it is written.
func healthyKey(t testing.TB, in tenancy.Installation) keySeen {
	t.Helper()
	key := cloud.KeyState{ARN: in.KMSKeyARN, State: "Enabled", Manager: "CUSTOMER", Spec: "SYMMETRIC_DEFAULT", Usage: "ENCRYPT_DECRYPT"}
	return keySeen{
		Key:        seen(key, nil),
		DefaultKey: seen(key, nil),
		KeyPolicy:  seen(text(t, in.KeyPolicy()), nil),
		KeyRotates: seen(true, nil),
	}
}

func TestHealthyKey(t *testing.T) {
	t.Parallel()
	for name, in := range installations(t) {
		for _, bucketKey := range []bool{true, false} {
			o := Observation{Installation: in, bucketSeen: healthyBucket(t, in), keySeen: healthyKey(t, in)}
			o.Encryption.Value.BucketKey = bucketKey
			for _, c := range keyChecks() {
				if r := c.result(o); r.Status != OK {
					t.Errorf("%s: %s: %s %+v", name, r.Check, r.Detail, r.Findings)
				}
			}
		}
	}
}

func TestKey(t *testing.T) {
	t.Parallel()
	in := installation(t)
	for name, test := range map[string]struct {
		spoil func(*Observation)
		want  string
	}{
		"missing":   {func(o *Observation) { o.Key.Err = fmt.Errorf("reading: %w", cloud.ErrNotFound) }, "key-missing"},
		"not shown": {func(o *Observation) { o.Key.Err = fmt.Errorf("reading: %w", cloud.ErrDenied) }, ""},
		"disabled":  {func(o *Observation) { o.Key.Value.State = "Disabled" }, "key-disabled"},
		"to be deleted": {func(o *Observation) {
			o.Key.Value.State, o.Key.Value.DeletionDate = "PendingDeletion", time.Unix(0, 0)
			o.KeyRotates.Value = false
		}, "key-pending-deletion"},
		"without content": {func(o *Observation) { o.Key.Value.State = "PendingImport" }, "key-unavailable"},
		"AWS's own": {func(o *Observation) {
			o.Key.Value.Manager, o.KeyRotates.Value = "AWS", false
			o.KeyPolicy.Value = text(t, dropped("SessionsUseKeyThroughS3")(in.KeyPolicy()))
		}, "key-aws-managed"},
		"for signatures": {func(o *Observation) { o.Key.Value.Usage = "SIGN_VERIFY" }, "key-not-symmetric"},
		"asymmetric":     {func(o *Observation) { o.Key.Value.Spec = "RSA_2048" }, "key-not-symmetric"},
		"another":        {func(o *Observation) { o.Key.Value.ARN = "arn:aws:kms:eu-west-1:111122223333:key/another" }, "key-other-arn"},
		"not rotated":    {func(o *Observation) { o.KeyRotates.Value = false }, "key-rotation"},
		"no policy":      {func(o *Observation) { o.KeyPolicy.Value = []byte(`{}`) }, "key-policy-malformed"},
	} {
		o := Observation{Installation: in, bucketSeen: healthyBucket(t, in), keySeen: healthyKey(t, in)}
		test.spoil(&o)
		if got := codes(look(t, o, keyChecks())); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

// One mistake in the key policy is one finding.
func TestKeyPolicy(t *testing.T) {
	t.Parallel()
	in := installation(t)
	sessions := "SessionsUseKeyThroughS3"
	allow := func(principal string, actions ...string) func(*iam.Document) *iam.Document {
		return added(iam.Statement{Effect: iam.Allow, Principals: &iam.Principals{AWS: []string{principal}}, Actions: actions, Resources: []string{"*"}})
	}
	actions := func(sid string, actions ...string) func(*iam.Document) *iam.Document {
		return statement(sid, func(st *iam.Statement) { st.Actions = actions })
	}
	principals := func(sid string, principals ...string) func(*iam.Document) *iam.Document {
		return statement(sid, func(st *iam.Statement) { st.Principals = &iam.Principals{AWS: principals} })
	}
	const object = "without Bucket Key"
	for name, test := range map[string]struct {
		change func(*iam.Document) *iam.Document
		want   string
		shows  string // in the evidence
	}{
		"no grant":                       {dropped(sessions), "key-policy-grant", "kms:GenerateDataKey and kms:Decrypt"},
		"no encryption":                  {actions(sessions, "kms:Decrypt"), "key-policy-encrypt", "kms:GenerateDataKey"},
		"encryption by name":             {actions(sessions, "kms:Encrypt", "kms:Decrypt"), "key-policy-encrypt", "kms:GenerateDataKey"},
		"no decryption":                  {actions(sessions, "kms:GenerateDataKey*"), "key-policy-decrypt", "kms:Decrypt"},
		"another role":                   {principals(sessions, "arn:aws:iam::111122223333:role/tenant2"), "key-policy-grant key-policy-principals", "role/tenant"},
		"a role that was":                {principals(sessions, "AROA1234567890ABCDEF0"), "key-policy-stale-principal", "AROA1234567890ABCDEF0"},
		"a role that was, beside":        {principals(sessions, "AROA1234567890ABCDEF0", in.BaseRoleARN()), "key-policy-stale-principal", "AROA1234567890ABCDEF0"},
		"a backend that was":             {statement("BackendChecksKey", func(st *iam.Statement) { st.Principals = &iam.Principals{AWS: []string{"AROA1234567890ABCDEF0"}} }), "key-policy-stale-principal", "AROA"},
		"S3 of another Region":           {statement(sessions, condition("kms:ViaService", "StringEquals", "s3.us-east-1.amazonaws.com")), "key-policy-region", "s3.us-east-1"},
		"another account":                {statement(sessions, condition("kms:CallerAccount", "StringEquals", "999922223333")), "key-policy-account", "999922223333"},
		"another bucket's context":       {statement(sessions, condition(encryptionContextKey, "StringLike", "arn:aws:s3:::other", "arn:aws:s3:::other/*")), "key-policy-context", "arn:aws:s3:::other"},
		"objects' context only":          {statement(sessions, condition(encryptionContextKey, "StringLike", "arn:aws:s3:::artifacts/${aws:PrincipalTag/org}/*")), "key-policy-context", "arn:aws:s3:::artifacts/$"},
		"bucket's context only, objects": {statement(sessions, condition(encryptionContextKey, "StringLike", "arn:aws:s3:::artifacts")), "key-policy-context", object},
		"no Version, objects": {func(d *iam.Document) *iam.Document {
			return &iam.Document{Version: iam.Version2008, Statements: d.Statements}
		}, "key-policy-version", object},
		"a Deny":                       {added(iam.Statement{Sid: "No", Effect: iam.Deny, Principals: &iam.Principals{Any: true}, Actions: []string{"kms:Decrypt"}, Resources: []string{"*"}}), "key-policy-deny", `(Sid "No") denies kms:Decrypt`},
		"no backend":                   {dropped("BackendUsesKeyThroughS3", "BackendChecksKey"), "key-policy-backend", "kms:"},
		"everything left to IAM":       {allow("111122223333", "kms:*"), "key-policy-account-decrypts", "kms:Decrypt by an administrator"},
		"a person decrypts":            {allow("arn:aws:iam::111122223333:user/boss", "kms:Decrypt"), "key-policy-principals", "user/boss"},
		"a person manages":             {allow("arn:aws:iam::111122223333:user/boss", "kms:PutKeyPolicy"), "", ""},
		"another account decrypts":     {allow("999922223333", "kms:Decrypt"), "key-policy-foreign", "999922223333"},
		"another account manages":      {allow("arn:aws:iam::999922223333:role/r", "kms:ScheduleKeyDeletion"), "key-policy-foreign", "999922223333"},
		"use outside of S3":            {dropped("DenyKeyUseOutsideS3"), "key-policy-outside-s3", "of KMS itself"},
		"use outside of S3, workloads": {statement("DenyKeyUseOutsideS3", condition("aws:PrincipalArn", "ArnEquals", in.BaseRoleARN())), "key-policy-outside-s3", "role/backend"},
		"every bucket":                 {statement(sessions, condition(encryptionContextKey, "StringLike", "*")), "key-policy-other-buckets", "another-bucket"},
		"every organization":           {statement(sessions, condition(encryptionContextKey, "StringLike", "arn:aws:s3:::artifacts*")), "key-policy-other-organizations", otherID},
		"nobody manages":               {dropped("AccountManagesKey"), "key-policy-lockout", "kms:PutKeyPolicy"},
		"nobody changes the policy":    {actions("AccountManagesKey", "kms:Describe*"), "key-policy-lockout", "kms:PutKeyPolicy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := Observation{Installation: in, bucketSeen: healthyBucket(t, in), keySeen: healthyKey(t, in)}
			o.KeyPolicy.Value = text(t, test.change(in.KeyPolicy()))
			if test.shows == object {
				o.Encryption.Value.BucketKey, test.shows = false, ""
			}
			found := look(t, o, keyChecks())
			if codes(found) != test.want {
				t.Fatalf("want %s: %+v", test.want, found)
			}
			if test.want != "" && !strings.Contains(found[0].Evidence, test.shows) {
				t.Errorf("evidence without %q: %s", test.shows, found[0].Evidence)
			}
		})
	}
}

func TestUnseenKey(t *testing.T) {
	t.Parallel()
	o := Observation{Installation: installation(t)}
	denied := errors.New("denied")
	o.Key.Err, o.KeyPolicy.Err, o.KeyRotates.Err = denied, denied, denied
	for _, c := range keyChecks() {
		if r := c.result(o); r.Status != Unseen || r.Detail != "denied" {
			t.Errorf("%s: %+v", r.Check, r)
		}
	}
}

// A key that cannot be used is cured by commands that are complete.
func TestKeyFixes(t *testing.T) {
	t.Parallel()
	in := installation(t)
	o := Observation{Installation: in, keySeen: healthyKey(t, in)}
	o.Key.Value.State = "PendingDeletion"
	found, err := keyUsable(o)
	want := []string{"aws kms cancel-key-deletion --key-id " + in.KMSKeyARN, "aws kms enable-key --key-id " + in.KMSKeyARN}
	if err != nil || len(found) != 1 || !slices.Equal(found[0].Fix.Commands, want) {
		t.Errorf("%v, %+v", err, found)
	}
}
