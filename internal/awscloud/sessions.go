package awscloud

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/session"
)

// errUnscoped is returned for a session that would have the whole base role.
var errUnscoped = errors.New("refusing to assume a role without a session name, one session policy, and a session tag or an external id")

// packedFix is what makes the session policy and the tags of a session small enough. EKS
// Pod Identity's own tags take three quarters of the space (facts AWS §4.4).
const packedFix = "disable the session tags of the EKS Pod Identity association, or use sessionPolicyMode managed or abac"

// AssumeRole implements session.STS. STS itself would hand out a session without a
// session policy; this refuses before asking (DESIGN I2).
func (c *Cloud) AssumeRole(ctx context.Context, req session.Request) (session.Credentials, error) {
	if !req.Policy.Scopes() || req.SessionName == "" || len(req.Tags) == 0 && req.ExternalID == "" {
		return session.Credentials{}, errUnscoped
	}
	var tags []types.Tag
	for _, key := range slices.Sorted(maps.Keys(req.Tags)) {
		tags = append(tags, types.Tag{Key: aws.String(key), Value: aws.String(req.Tags[key])})
	}
	input := &sts.AssumeRoleInput{
		RoleArn:         aws.String(req.RoleARN),
		RoleSessionName: aws.String(req.SessionName),
		Tags:            tags,
		DurationSeconds: aws.Int32(int32(req.Lifetime / time.Second)),
	}
	if req.ExternalID != "" {
		input.ExternalId = aws.String(req.ExternalID)
	}
	if req.Policy.ARN != "" {
		input.PolicyArns = []types.PolicyDescriptorType{{Arn: aws.String(req.Policy.ARN)}}
	} else {
		input.Policy = aws.String(req.Policy.Text)
	}
	out, err := c.sts.AssumeRole(ctx, input)
	if err != nil {
		if tooLarge, ok := errors.AsType[*types.PackedPolicyTooLargeException](err); ok {
			return session.Credentials{}, failed(err, "assuming %s as %s (%s; %s)", req.RoleARN, req.SessionName, tooLarge.ErrorMessage(), packedFix)
		}
		return session.Credentials{}, failed(err, "assuming %s as %s", req.RoleARN, req.SessionName)
	}
	if out.Credentials == nil {
		return session.Credentials{}, failed(errNoAnswer, "assuming %s as %s", req.RoleARN, req.SessionName)
	}
	return session.Credentials{
		AccessKeyID:     aws.ToString(out.Credentials.AccessKeyId),
		SecretAccessKey: aws.ToString(out.Credentials.SecretAccessKey),
		SessionToken:    aws.ToString(out.Credentials.SessionToken),
		Expires:         aws.ToTime(out.Credentials.Expiration),
		Packed:          packed(out),
	}, nil
}

// packed returns how much of its space a session takes, in percent. AWS replaces one
// field by another, of which older and emulated services have the first alone.
func packed(out *sts.AssumeRoleOutput) int {
	//lint:ignore SA1019 what AWS has answered for years
	old := aws.ToInt32(out.PackedPolicySize)
	return int(max(old, aws.ToInt32(out.SessionTokenUtilization)))
}

// errNoAnswer is a success without its content; it counts as ErrUnavailable.
var errNoAnswer = errors.New("the answer lacks what was asked for")

// Identity asks STS who this Cloud calls as. It needs no permission.
func (c *Cloud) Identity(ctx context.Context) (cloud.Identity, error) {
	out, err := c.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return cloud.Identity{}, failed(err, "asking who calls")
	}
	return cloud.Identity{
		AccountID: aws.ToString(out.Account),
		ARN:       aws.ToString(out.Arn),
		UserID:    aws.ToString(out.UserId),
	}, nil
}
