package awscloud

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
)

// CreatePolicy creates a customer-managed policy at path "/". A name that exists, in
// any letter case and at any path, is cloud.ErrExists; a full account is
// cloud.ErrLimit (1,500 policies unless raised; facts AWS §5). It returns what a listing
// shows of the new policy.
func (c *Cloud) CreatePolicy(ctx context.Context, name, description string, policy *iam.Document) (cloud.Policy, error) {
	text, err := json.Marshal(policy)
	if err != nil {
		return cloud.Policy{}, failed(err, "writing policy %s", name)
	}
	out, err := c.iam.CreatePolicy(ctx, &awsiam.CreatePolicyInput{
		PolicyName:     aws.String(name),
		Description:    aws.String(description),
		PolicyDocument: aws.String(string(text)),
	})
	if err != nil {
		return cloud.Policy{}, failed(err, "creating policy %s", name)
	}
	if out.Policy == nil {
		return cloud.Policy{}, failed(errNoAnswer, "creating policy %s", name)
	}
	return policyOf(*out.Policy), nil
}

// Policy reads a customer-managed policy: its default version as JSON, and what a listing
// shows of the policy that it is the default of.
func (c *Cloud) Policy(ctx context.Context, arn string) (cloud.Policy, []byte, error) {
	out, err := c.iam.GetPolicy(ctx, &awsiam.GetPolicyInput{PolicyArn: aws.String(arn)})
	if err != nil {
		return cloud.Policy{}, nil, failed(err, "reading policy %s", arn)
	}
	if out.Policy == nil {
		return cloud.Policy{}, nil, failed(errNoAnswer, "reading policy %s", arn)
	}
	text, err := c.policyVersion(ctx, arn, out.Policy.DefaultVersionId)
	return policyOf(*out.Policy), text, err
}

func (c *Cloud) policyVersion(ctx context.Context, arn string, id *string) ([]byte, error) {
	version, err := c.iam.GetPolicyVersion(ctx, &awsiam.GetPolicyVersionInput{
		PolicyArn: aws.String(arn), VersionId: id,
	})
	if err != nil {
		return nil, failed(err, "reading version %s of policy %s", aws.ToString(id), arn)
	}
	if version.PolicyVersion == nil {
		return nil, failed(errNoAnswer, "reading policy %s", arn)
	}
	return decodeDocument(aws.ToString(version.PolicyVersion.Document))
}

// AddPolicyVersion adds a version and makes it the default, which is never the
// default of the call. A sixth version is cloud.ErrLimit: call PrunePolicy first.
func (c *Cloud) AddPolicyVersion(ctx context.Context, arn string, policy *iam.Document) error {
	text, err := json.Marshal(policy)
	if err != nil {
		return failed(err, "writing policy %s", arn)
	}
	_, err = c.iam.CreatePolicyVersion(ctx, &awsiam.CreatePolicyVersionInput{
		PolicyArn: aws.String(arn), PolicyDocument: aws.String(string(text)), SetAsDefault: true,
	})
	return failed(err, "adding a version to policy %s", arn)
}

// PrunePolicy deletes the oldest versions that are not the default until at most
// keep (1 to 5) are left.
func (c *Cloud) PrunePolicy(ctx context.Context, arn string, keep int) error {
	var versions []types.PolicyVersion
	list, followed := awsiam.NewListPolicyVersionsPaginator(c.iam, &awsiam.ListPolicyVersionsInput{PolicyArn: aws.String(arn)}), pages{}
	for list.HasMorePages() {
		page, err := list.NextPage(ctx)
		if err == nil {
			err = followed.follow(page.Marker)
		}
		if err != nil {
			return failed(err, "listing the versions of policy %s", arn)
		}
		versions = append(versions, page.Versions...)
	}
	surplus := len(versions) - keep
	versions = slices.DeleteFunc(versions, func(v types.PolicyVersion) bool { return v.IsDefaultVersion })
	slices.SortFunc(versions, func(a, b types.PolicyVersion) int {
		return cmp.Compare(versionNumber(a.VersionId), versionNumber(b.VersionId))
	})
	for _, version := range versions[:max(0, min(surplus, len(versions)))] {
		_, err := c.iam.DeletePolicyVersion(ctx, &awsiam.DeletePolicyVersionInput{
			PolicyArn: aws.String(arn), VersionId: version.VersionId,
		})
		if err := absentIsFine(failed(err, "deleting version %s of policy %s", aws.ToString(version.VersionId), arn)); err != nil {
			return err
		}
	}
	return nil
}

// versionNumber reads "v12"; ids only grow, and "v10" is younger than "v9".
func versionNumber(id *string) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(aws.ToString(id), "v"))
	return n
}

// DeletePolicy deletes a customer-managed policy with all its versions. One that is
// gone already is no error; one that is attached somewhere is cloud.ErrConflict.
func (c *Cloud) DeletePolicy(ctx context.Context, arn string) error {
	if err := c.PrunePolicy(ctx, arn, 1); err != nil {
		return absentIsFine(err)
	}
	_, err := c.iam.DeletePolicy(ctx, &awsiam.DeletePolicyInput{PolicyArn: aws.String(arn)})
	return absentIsFine(failed(err, "deleting policy %s", arn))
}

// Policies lists the account's customer-managed policies whose names begin with
// prefix. IAM cannot filter by name, so all are read, 1,000 a page.
func (c *Cloud) Policies(ctx context.Context, prefix string) iter.Seq2[cloud.Policy, error] {
	list := awsiam.NewListPoliciesPaginator(c.iam, &awsiam.ListPoliciesInput{
		Scope: types.PolicyScopeTypeLocal, MaxItems: aws.Int32(1000),
	})
	return func(yield func(cloud.Policy, error) bool) {
		for followed := (pages{}); list.HasMorePages(); {
			page, err := list.NextPage(ctx)
			if err == nil {
				err = followed.follow(page.Marker)
			}
			if err != nil {
				yield(cloud.Policy{}, failed(err, "listing policies"))
				return
			}
			for _, p := range page.Policies {
				if !strings.HasPrefix(aws.ToString(p.PolicyName), prefix) {
					continue
				}
				if !yield(policyOf(p), nil) {
					return
				}
			}
		}
	}
}

func policyOf(p types.Policy) cloud.Policy {
	return cloud.Policy{
		Name:           aws.ToString(p.PolicyName),
		ARN:            aws.ToString(p.Arn),
		ID:             aws.ToString(p.PolicyId),
		DefaultVersion: aws.ToString(p.DefaultVersionId),
		Updated:        aws.ToTime(p.UpdateDate),
	}
}

// PolicyUse reads what the account has of customer-managed policies, and may have.
func (c *Cloud) PolicyUse(ctx context.Context) (cloud.PolicyUse, error) {
	out, err := c.iam.GetAccountSummary(ctx, &awsiam.GetAccountSummaryInput{})
	if err != nil {
		return cloud.PolicyUse{}, failed(err, "reading the account's IAM quotas")
	}
	of := func(key string) int { return int(out.SummaryMap[key]) }
	use := cloud.PolicyUse{
		Policies: of("Policies"), PoliciesQuota: of("PoliciesQuota"),
		Versions: of("PolicyVersionsInUse"), VersionsQuota: of("PolicyVersionsInUseQuota"),
		DocumentQuota: of("PolicySizeQuota"),
	}
	if use.PoliciesQuota == 0 || use.VersionsQuota == 0 || use.DocumentQuota == 0 {
		return cloud.PolicyUse{}, failed(errNoAnswer, "reading the account's IAM quotas")
	}
	return use, nil
}

// decodeDocument undoes IAM's RFC 3986 encoding, in which "+" is a plus sign.
func decodeDocument(encoded string) ([]byte, error) {
	text, err := url.PathUnescape(encoded)
	if err != nil {
		return nil, fmt.Errorf("decoding a policy document of IAM: %w", err)
	}
	return []byte(text), nil
}
