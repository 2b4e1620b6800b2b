package rig

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/ownbucket"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// CustomerRoles is what the rig's installation allows of own buckets. The embedded AWS has
// one account: the customers' roles are in it, too.
const CustomerRoles = "arn:aws:iam::" + account + ":role/customer/*"

func (r *Rig) customer() aws.Config {
	root := r.AWS.RootCredentials()
	return aws.Config{
		Region: region, BaseEndpoint: aws.String(r.endpoint), HTTPClient: &http.Client{Transport: r.network},
		Credentials: credentials.NewStaticCredentialsProvider(root.AccessKeyID, root.SecretAccessKey, ""),
	}
}

// CustomerBucket makes a bucket and a role that lets the installation into it, as an
// administrator of the organization does.
func (r *Rig) CustomerBucket(t testing.TB, id org.ID) tenancy.OwnBucket {
	t.Helper()
	externalID, err := r.DB.ExternalID(t.Context(), id)
	must(t, err)
	name := "own-" + id.Compact()
	_, err = s3.NewFromConfig(r.customer()).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name})
	must(t, err)
	b := tenancy.OwnBucket{
		Name: name, Region: region, ExternalID: externalID, RoleARN: "arn:aws:iam::" + account + ":role/customer/" + name,
	}
	_, err = iam.NewFromConfig(r.customer()).CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: &name, Path: aws.String("/customer/"), AssumeRolePolicyDocument: text(t, r.Installation.CustomerTrust(externalID)),
	})
	must(t, err)
	r.Permit(t, id, b, r.Installation.Tenant(id).CustomerPermissions(name))
	return b
}

// Permit gives the role of a bucket its permissions.
func (r *Rig) Permit(t testing.TB, id org.ID, b tenancy.OwnBucket, document any) {
	t.Helper()
	_, err := iam.NewFromConfig(r.customer()).PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: &b.Name, PolicyName: aws.String("artifacts"), PolicyDocument: text(t, document),
	})
	must(t, err)
}

// Trust lets whoever has another external id into the role of a bucket, in place of us.
func (r *Rig) Trust(t testing.TB, b tenancy.OwnBucket, externalID string) {
	t.Helper()
	r.trust(t, b, r.Installation.CustomerTrust(externalID))
}

// TrustAnybody lets us into the role of a bucket whatever external id we send, as a
// customer does who leaves out the condition.
func (r *Rig) TrustAnybody(t testing.TB, b tenancy.OwnBucket) {
	t.Helper()
	document := r.Installation.CustomerTrust(b.ExternalID)
	for i := range document.Statements {
		document.Statements[i].Conditions = nil
	}
	r.trust(t, b, document)
}

func (r *Rig) trust(t testing.TB, b tenancy.OwnBucket, document any) {
	t.Helper()
	_, err := iam.NewFromConfig(r.customer()).UpdateAssumeRolePolicy(t.Context(), &iam.UpdateAssumeRolePolicyInput{
		RoleName: &b.Name, PolicyDocument: text(t, document),
	})
	must(t, err)
}

// OwnBackend records the bucket as a storage backend of the organization.
func (r *Rig) OwnBackend(t testing.TB, id org.ID, b tenancy.OwnBucket) registry.Backend {
	t.Helper()
	now := time.Now()
	backend := registry.Backend{
		ID: uuid.New(), Org: id, Name: "own", Bucket: b, Status: registry.BackendValid,
		CreatedAt: now, UpdatedAt: now, ValidatedAt: now, CheckAt: now,
	}
	must(t, r.DB.CreateBackend(t.Context(), backend))
	return backend
}

// Validator is the control plane's.
func (r *Rig) Validator(t testing.TB) *ownbucket.Validator {
	t.Helper()
	workload := r.cloud(t, r.identity(t, "controlplane", r.Installation.ControlplaneRoleARN(), tenancy.Inline), r.network)
	return ownbucket.New(ownbucket.Config{
		Installation: r.Installation, STS: workload,
		Open: func(s session.Session) ownbucket.Reach { return workload.Reach(s) },
	})
}

// BucketKeys lists what a bucket has, as its owner sees it.
func (r *Rig) BucketKeys(t testing.TB, bucket string) []string {
	t.Helper()
	out, err := s3.NewFromConfig(r.customer()).ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
	must(t, err)
	keys := []string{}
	for _, o := range out.Contents {
		keys = append(keys, *o.Key)
	}
	return keys
}

func text(t testing.TB, document any) *string {
	t.Helper()
	b, err := json.Marshal(document)
	must(t, err)
	return aws.String(string(b))
}
