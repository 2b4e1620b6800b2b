package tofu

import (
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/zclconf/go-cty/cty"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/emulator"
	"github.com/managedcas/managedcas/internal/provision"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// embedded is an empty account, and the clients of its root user.
type embedded struct {
	t     *testing.T
	cloud *awscloud.Cloud
	iam   *iam.Client
	kms   *kms.Client
	s3    *s3.Client
}

func start(t *testing.T) *embedded {
	t.Helper()
	emulated, err := emulator.Open(emulator.Config{Dir: filepath.Join(t.TempDir(), "aws"), AccountID: account, Region: region})
	must(t, err)
	server := httptest.NewServer(emulated)
	t.Cleanup(func() {
		server.Close()
		if err := emulated.Close(); err != nil {
			t.Error(err)
		}
	})
	network, err := awscloud.NewTransport(server.URL)
	must(t, err)
	t.Cleanup(network.CloseIdleConnections)
	user := emulated.RootCredentials()
	cloud, err := awscloud.New(t.Context(), awscloud.Config{
		Region: region, AccountID: account, Endpoint: server.URL, Transport: network,
		Credentials: awscloud.StaticCredentials(user.AccessKeyID, user.SecretAccessKey),
	})
	must(t, err)
	cfg := aws.Config{
		Region: region, BaseEndpoint: aws.String(server.URL),
		Credentials: credentials.NewStaticCredentialsProvider(user.AccessKeyID, user.SecretAccessKey, ""),
	}
	return &embedded{t, cloud, iam.NewFromConfig(cfg), kms.NewFromConfig(cfg), s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What the root module makes is what `managedcasd provision` makes: with every resource of
// it made, by the arguments that the module has for it, provision finds nothing to do.
func TestProvisionFindsNothingToDo(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"the guide's", "everything", "names without dashes", "inline"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := installations()[name]
			account := start(t)
			e := load(t, root).evaluate(t, values(t, ofRoot(in, podIdentity)))
			account.makeKey(e)
			account.makeRoles(e)
			account.makeBucket(e, in)
			if left := account.plan(in); len(left) > 0 {
				t.Errorf("provision would: %v", left)
			}
		})
	}
}

// The same, with one thing left out: the test above can fail.
func TestProvisionFindsWhatIsMissing(t *testing.T) {
	t.Parallel()
	in := example()
	account := start(t)
	e := load(t, root).evaluate(t, values(t, ofRoot(in, podIdentity)))
	account.makeKey(e)
	account.makeRoles(e)
	if left := account.plan(in); len(left) < 5 {
		t.Errorf("without a bucket provision would only: %v", left)
	}
}

// plan is what provision would do. The documents of the embedded AWS except loopback from
// the denial of plain HTTP, and KMS is asked for the key by its alias.
func (a *embedded) plan(in tenancy.Installation) []provision.Step {
	a.t.Helper()
	in.KMSKeyARN, in.Loopback = "", true
	p, err := provision.New(provision.Config{Installation: in, Roles: a.cloud, Keys: a.cloud, Buckets: a.cloud, Settings: a.cloud})
	must(a.t, err)
	plan, err := p.Plan(a.t.Context())
	must(a.t, err)
	return plan.Steps
}

// makeKey makes the key, which has its own id, so that the module goes on with that.
func (a *embedded) makeKey(e *evaluation) {
	a.t.Helper()
	body := e.m.resources["aws_kms_key.artifacts"]
	arguments := e.arguments("aws_kms_key", body, provider["aws_kms_key"].body, nil, "count")
	made, err := a.kms.CreateKey(a.t.Context(), &kms.CreateKeyInput{Description: aws.String(arguments["description"].AsString())})
	must(a.t, err)
	arguments["arn"], arguments["key_id"] = cty.StringVal(*made.KeyMetadata.Arn), cty.StringVal(*made.KeyMetadata.KeyId)
	e.done["aws_kms_key.artifacts"] = cty.ObjectVal(arguments)
	if arguments["enable_key_rotation"].True() {
		_, err = a.kms.EnableKeyRotation(a.t.Context(), &kms.EnableKeyRotationInput{KeyId: made.KeyMetadata.KeyId})
		must(a.t, err)
	}
	alias := e.node("aws_kms_alias.artifacts", "")
	_, err = a.kms.CreateAlias(a.t.Context(), &kms.CreateAliasInput{AliasName: of(alias, "name"), TargetKeyId: of(alias, "target_key_id")})
	must(a.t, err)
}

// makeRoles makes the roles in the order of their dependencies, and the key's policy, which
// names them.
func (a *embedded) makeRoles(e *evaluation) {
	a.t.Helper()
	for _, name := range []string{"workload", "base", "purge"} {
		for _, role := range e.instances("aws_iam_role." + name) {
			seconds, _ := role.GetAttr("max_session_duration").AsBigFloat().Int64()
			_, err := a.iam.CreateRole(a.t.Context(), &iam.CreateRoleInput{
				RoleName: of(role, "name"), Description: of(role, "description"),
				AssumeRolePolicyDocument: of(role, "assume_role_policy"), MaxSessionDuration: aws.Int32(int32(seconds)),
			})
			must(a.t, err)
		}
		for _, policy := range e.instances("aws_iam_role_policy." + name) {
			_, err := a.iam.PutRolePolicy(a.t.Context(), &iam.PutRolePolicyInput{
				RoleName: of(policy, "role"), PolicyName: of(policy, "name"), PolicyDocument: of(policy, "policy"),
			})
			must(a.t, err)
		}
	}
	policy := e.node("aws_kms_key_policy.artifacts", "")
	_, err := a.kms.PutKeyPolicy(a.t.Context(), &kms.PutKeyPolicyInput{KeyId: of(policy, "key_id"), Policy: of(policy, "policy")})
	must(a.t, err)
}

// makeBucket makes the bucket with its settings. Its policy is the one for the embedded AWS;
// TestResourcesHaveTheirDocuments has the module's.
func (a *embedded) makeBucket(e *evaluation, in tenancy.Installation) {
	a.t.Helper()
	ctx := a.t.Context()
	bucket := of(e.node("aws_s3_bucket.artifacts", ""), "bucket")
	_, err := a.s3.CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket:                    bucket,
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(region)},
	})
	must(a.t, err)

	block := e.node("aws_s3_bucket_public_access_block.artifacts", "")
	_, err = a.s3.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: of(block, "bucket"), PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
		BlockPublicAcls: aws.Bool(block.GetAttr("block_public_acls").True()), BlockPublicPolicy: aws.Bool(block.GetAttr("block_public_policy").True()),
		IgnorePublicAcls: aws.Bool(block.GetAttr("ignore_public_acls").True()), RestrictPublicBuckets: aws.Bool(block.GetAttr("restrict_public_buckets").True()),
	}})
	must(a.t, err)

	ownership := e.node("aws_s3_bucket_ownership_controls.artifacts", "")
	_, err = a.s3.PutBucketOwnershipControls(ctx, &s3.PutBucketOwnershipControlsInput{Bucket: of(ownership, "bucket"), OwnershipControls: &types.OwnershipControls{
		Rules: []types.OwnershipControlsRule{{ObjectOwnership: types.ObjectOwnership(*of(blocks(ownership, "rule")[0], "object_ownership"))}},
	}})
	must(a.t, err)

	encryption := e.node("aws_s3_bucket_server_side_encryption_configuration.artifacts", "")
	rule := blocks(encryption, "rule")[0]
	byDefault := blocks(rule, "apply_server_side_encryption_by_default")[0]
	var blocked []types.EncryptionType
	for _, value := range rule.GetAttr("blocked_encryption_types").AsValueSlice() {
		blocked = append(blocked, types.EncryptionType(value.AsString()))
	}
	_, err = a.s3.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: of(encryption, "bucket"), ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
		Rules: []types.ServerSideEncryptionRule{{
			BucketKeyEnabled:       aws.Bool(rule.GetAttr("bucket_key_enabled").True()),
			BlockedEncryptionTypes: &types.BlockedEncryptionTypes{EncryptionType: blocked},
			ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{
				SSEAlgorithm: types.ServerSideEncryption(*of(byDefault, "sse_algorithm")), KMSMasterKeyID: of(byDefault, "kms_master_key_id"),
			},
		}},
	}})
	must(a.t, err)

	lifecycle := e.node("aws_s3_bucket_lifecycle_configuration.artifacts", "")
	uploads := blocks(lifecycle, "rule")[0]
	days, _ := blocks(uploads, "abort_incomplete_multipart_upload")[0].GetAttr("days_after_initiation").AsBigFloat().Int64()
	_, err = a.s3.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{Bucket: of(lifecycle, "bucket"), LifecycleConfiguration: &types.BucketLifecycleConfiguration{
		Rules: []types.LifecycleRule{{
			ID: of(uploads, "id"), Status: types.ExpirationStatus(*of(uploads, "status")),
			Filter:                         &types.LifecycleRuleFilter{Prefix: of(blocks(uploads, "filter")[0], "prefix")},
			AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(int32(days))},
		}},
	}})
	must(a.t, err)

	in.Loopback = true
	in.KMSKeyARN = *of(e.node("aws_kms_key.artifacts", ""), "arn")
	must(a.t, a.cloud.PutBucketPolicy(ctx, *bucket, in.BucketPolicy()))
}

// of is an argument as the SDK takes it.
func of(object cty.Value, argument string) *string { return aws.String(text(object, argument)) }

func blocks(object cty.Value, name string) []cty.Value { return object.GetAttr(name).AsValueSlice() }
