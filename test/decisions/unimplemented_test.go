package decisions_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// TestI9_UnimplementedIsRefusedByName: what the embedded AWS does not
// have it refuses with 501 and the operation's name, to the root user as well.
func TestI9_UnimplementedIsRefusedByName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b, key := aws.String(bucket), aws.String("orgA/x")
	for name, request := range map[string]call{
		"SelectObjectContent": func(ctx context.Context, a *actor) error {
			_, err := a.s3().SelectObjectContent(ctx, &s3.SelectObjectContentInput{
				Bucket: b, Key: key, Expression: aws.String("SELECT 1"), ExpressionType: s3types.ExpressionTypeSql,
				InputSerialization: &s3types.InputSerialization{}, OutputSerialization: &s3types.OutputSerialization{},
			})
			return err
		},
		"RestoreObject": func(ctx context.Context, a *actor) error {
			_, err := a.s3().RestoreObject(ctx, &s3.RestoreObjectInput{Bucket: b, Key: key, RestoreRequest: &s3types.RestoreRequest{Days: aws.Int32(1)}})
			return err
		},
		"PutObjectRetention": func(ctx context.Context, a *actor) error {
			_, err := a.s3().PutObjectRetention(ctx, &s3.PutObjectRetentionInput{Bucket: b, Key: key, Retention: &s3types.ObjectLockRetention{Mode: s3types.ObjectLockRetentionModeGovernance}})
			return err
		},
		"PutBucketReplication": func(ctx context.Context, a *actor) error {
			_, err := a.s3().PutBucketReplication(ctx, &s3.PutBucketReplicationInput{Bucket: b, ReplicationConfiguration: &s3types.ReplicationConfiguration{
				Role: aws.String(roleARN), Rules: []s3types.ReplicationRule{},
			}})
			return err
		},
		"GetObjectTorrent": func(ctx context.Context, a *actor) error {
			_, err := a.s3().GetObjectTorrent(ctx, &s3.GetObjectTorrentInput{Bucket: b, Key: key})
			return err
		},
		"GetDataAccess": func(ctx context.Context, a *actor) error {
			_, err := a.control().GetDataAccess(ctx, &s3control.GetDataAccessInput{
				AccountId: aws.String(account), Target: aws.String("s3://" + bucket + "/*"), Permission: "READ",
			})
			return err
		},
		"CreateGroup": func(ctx context.Context, a *actor) error {
			_, err := a.iam().CreateGroup(ctx, &iam.CreateGroupInput{GroupName: aws.String("g")})
			return err
		},
		"CreateSAMLProvider": func(ctx context.Context, a *actor) error {
			_, err := a.iam().CreateSAMLProvider(ctx, &iam.CreateSAMLProviderInput{Name: aws.String("p"), SAMLMetadataDocument: aws.String(strings.Repeat("x", 1000))})
			return err
		},
		"CreateGrant": func(ctx context.Context, a *actor) error {
			_, err := a.kms().CreateGrant(ctx, &kms.CreateGrantInput{KeyId: &w.keyARN, GranteePrincipal: aws.String(roleARN), Operations: []kmstypes.GrantOperation{"Decrypt"}})
			return err
		},
		"GetFederationToken": func(ctx context.Context, a *actor) error {
			_, err := a.sts().GetFederationToken(ctx, &sts.GetFederationTokenInput{Name: aws.String("bob")})
			return err
		},
		"GetSessionToken": func(ctx context.Context, a *actor) error {
			_, err := a.sts().GetSessionToken(ctx, nil)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// The answers of parallel requests must not be mistaken for one another.
			key := w.aws.RootCredentials()
			a := w.actor(key.AccessKeyID, key.SecretAccessKey, "")
			err := request(t.Context(), a)
			if _, status := a.wire.last(); status != 501 || code(err) != "NotImplemented" || !strings.Contains(err.Error(), name) {
				t.Errorf("answered %d: %v", status, err)
			}
		})
	}
}
