package doctor

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/cloud"
)

func TestBucketSettings(t *testing.T) {
	t.Parallel()
	in := installation(t)
	id := in.KMSKeyARN[strings.LastIndex(in.KMSKeyARN, "/")+1:]
	alias := "arn:aws:kms:eu-west-1:111122223333:alias/artifacts"
	another := "arn:aws:kms:eu-west-1:111122223333:key/another"
	denied := fmt.Errorf("reading: %w", cloud.ErrDenied)
	missing := fmt.Errorf("reading: %w", cloud.ErrNotFound)
	with := func(algorithm, key string) func(*Observation) {
		return func(o *Observation) { o.Encryption.Value.Algorithm, o.Encryption.Value.KeyARN = algorithm, key }
	}
	resolved := func(key string, to cloud.KeyState, err error) func(*Observation) {
		return func(o *Observation) { o.Encryption.Value.KeyARN, o.DefaultKey = key, seen(to, err) }
	}
	rule := func(r cloud.LifecycleRule) func(*Observation) {
		return func(o *Observation) { o.Lifecycle.Value = append(o.Lifecycle.Value, r) }
	}
	for name, test := range map[string]struct {
		spoil func(*Observation)
		want  string
	}{
		"nothing":                     {func(*Observation) {}, ""},
		"no bucket":                   {func(o *Observation) { o.Region.Err = missing }, "bucket-missing"},
		"somebody else's bucket":      {func(o *Observation) { o.Region.Err, o.Owned.Value = denied, false }, "bucket-of-another-account"},
		"a bucket that is not shown":  {func(o *Observation) { o.Region.Err = denied }, ""},
		"neither bucket nor list":     {func(o *Observation) { o.Region.Err, o.Owned = denied, Seen[bool]{Err: denied} }, ""},
		"another Region":              {func(o *Observation) { o.Region.Value = "us-east-1" }, "bucket-region"},
		"ACLs can be made":            {func(o *Observation) { o.Block.Value.BlockPublicAcls = false }, "bucket-public-access"},
		"ACLs count":                  {func(o *Observation) { o.Block.Value.IgnorePublicAcls = false }, "bucket-public-access"},
		"public policies can be made": {func(o *Observation) { o.Block.Value.BlockPublicPolicy = false }, "bucket-public-access"},
		"public policies count":       {func(o *Observation) { o.Block.Value.RestrictPublicBuckets = false }, "bucket-public-access"},
		"nothing is blocked":          {func(o *Observation) { o.Block.Value = cloud.PublicAccessBlock{} }, "bucket-public-access"},
		"ACLs":                        {func(o *Observation) { o.Ownership.Value = "ObjectWriter" }, "bucket-acls"},
		"ACLs, never decided":         {func(o *Observation) { o.Ownership.Value = "" }, "bucket-acls"},
		"no encryption":               {with("", ""), "bucket-encryption-missing"},
		"S3's encryption":             {with("AES256", ""), "bucket-encryption-sse-s3"},
		"two layers":                  {with("aws:kms:dsse", in.KMSKeyARN), "bucket-encryption-dsse"},
		"something new":               {with("aws:new", ""), "bucket-encryption-other"},
		"AWS's key, by default":       {with("aws:kms", ""), "bucket-encryption-aws-key"},
		"AWS's key, by its alias":     {with("aws:kms", "arn:aws:kms:eu-west-1:111122223333:alias/aws/s3"), "bucket-encryption-aws-key"},
		"AWS's key, by its ARN":       {resolved(another, cloud.KeyState{ARN: another, Manager: "AWS"}, nil), "bucket-encryption-aws-key"},
		"another key":                 {resolved(another, cloud.KeyState{ARN: another}, nil), "bucket-encryption-other-key"},
		"another key, not shown":      {resolved(another, cloud.KeyState{}, denied), "bucket-encryption-other-key"},
		"another key that is none":    {resolved(another, cloud.KeyState{}, missing), "bucket-encryption-key-missing"},
		"an alias of another key":     {resolved(alias, cloud.KeyState{ARN: another}, nil), "bucket-encryption-other-key"},
		"an alias of nothing":         {resolved(alias, cloud.KeyState{}, missing), "bucket-encryption-key-missing"},
		"an alias, not shown":         {resolved(alias, cloud.KeyState{}, denied), ""},
		"an alias of the key":         {resolved(alias, cloud.KeyState{ARN: in.KMSKeyARN}, nil), ""},
		"the key's id":                {resolved(id, cloud.KeyState{}, denied), ""},
		"no Bucket Key":               {func(o *Observation) { o.Encryption.Value.BucketKey = false }, "bucket-key-off"},
		"SSE-C":                       {func(o *Observation) { o.Encryption.Value.BlocksSSEC = false }, "bucket-encryption-ssec"},
		"no lifecycle":                {func(o *Observation) { o.Lifecycle.Value = nil }, "bucket-lifecycle-uploads"},
		"uploads of one prefix":       {func(o *Observation) { o.Lifecycle.Value[0].Prefix = "x/" }, "bucket-lifecycle-uploads"},
		"expiration":                  {rule(cloud.LifecycleRule{ID: "old", Enabled: true, Expires: true}), "bucket-lifecycle-expires"},
		"expiration, of one tag":      {rule(cloud.LifecycleRule{ID: "old", Enabled: true, Expires: true, Narrowed: true}), "bucket-lifecycle-expires"},
		"expiration, switched off":    {rule(cloud.LifecycleRule{ID: "old", Expires: true}), ""},
		"a purge":                     {rule(cloud.LifecycleRule{ID: "purge-" + freshID, Enabled: true, Expires: true, Prefix: freshID + "/"}), ""},
		"a purge of everything":       {rule(cloud.LifecycleRule{ID: "purge-" + freshID, Enabled: true, Expires: true}), "bucket-lifecycle-expires"},
		"a purge of another":          {rule(cloud.LifecycleRule{ID: "purge-" + freshID, Enabled: true, Expires: true, Prefix: otherID + "/"}), "bucket-lifecycle-expires"},
		"archives":                    {rule(cloud.LifecycleRule{ID: "cold", Enabled: true, Classes: []string{"STANDARD_IA", "DEEP_ARCHIVE"}}), "bucket-lifecycle-archives"},
		"classes that are read":       {rule(cloud.LifecycleRule{ID: "cool", Enabled: true, Classes: []string{"STANDARD_IA", "GLACIER_IR", "INTELLIGENT_TIERING"}}), ""},
		"settings that may not be read": {func(o *Observation) {
			o.Block.Err, o.Ownership.Err, o.Encryption.Err, o.Lifecycle.Err, o.BucketPolicy.Err = denied, denied, denied, denied, denied
		}, ""},
	} {
		o := Observation{Installation: in, bucketSeen: healthyBucket(t, in)}
		test.spoil(&o)
		var checks []check
		for _, c := range bucketChecks() {
			if !strings.HasPrefix(c.name, "bucket/policy") {
				checks = append(checks, c)
			}
		}
		if got := codes(look(t, o, checks)); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

// What an identity may not read is unseen, and nothing wrong.
func TestUnseenBucket(t *testing.T) {
	t.Parallel()
	in := installation(t)
	denied := errors.New("denied")
	o := Observation{Installation: in}
	o.Region.Err, o.Owned.Err, o.Block.Err, o.Ownership.Err = denied, denied, denied, denied
	o.Encryption.Err, o.Lifecycle.Err, o.BucketPolicy.Err = denied, denied, denied
	for _, c := range bucketChecks() {
		if r := c.result(o); r.Status != Unseen || r.Detail != "denied" {
			t.Errorf("%s: %+v", r.Check, r)
		}
	}
}

// The rules that may stay are part of the command.
func TestLifecycleFixKeepsRules(t *testing.T) {
	t.Parallel()
	in := installation(t)
	o := Observation{Installation: in, bucketSeen: healthyBucket(t, in)}
	o.Lifecycle.Value = []cloud.LifecycleRule{
		{ID: "old", Enabled: true, Expires: true, Text: []byte(`{"ID":"old"}`)},
		{ID: "noncurrent", Enabled: true, Text: []byte(`{"ID":"noncurrent"}`)},
	}
	found, err := lifecycle(o)
	if err != nil || len(found) != 2 {
		t.Fatalf("%v, %+v", err, found)
	}
	want := `aws s3api put-bucket-lifecycle-configuration --bucket artifacts --lifecycle-configuration '{"Rules":[{"ID":"noncurrent"},` + abortUploads + `]}'`
	for _, f := range found {
		if !slices.Equal(f.Fix.Commands, []string{want}) {
			t.Errorf("%s: %v", f.Code, f.Fix.Commands)
		}
	}
}
