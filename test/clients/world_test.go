package clients

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/managedcas/managedcas/internal/emulator/journal"
	"github.com/managedcas/managedcas/test/process"
)

const (
	bucket = "clients-of-s3"
	prefix = "mine"
)

// world is an account with a bucket, an access point on it, and a role session that may
// use them under one prefix only.
type world struct {
	endpoint
	session     aws.Credentials
	accessPoint string // ARN
	alias       string
}

// newWorld prepares an account. The session comes from a user, as the root user may
// assume no role.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{endpoint: serve(t)}
	root := w.config(t, aws.Credentials{AccessKeyID: w.AccessKeyID, SecretAccessKey: w.SecretAccessKey})
	ctx := t.Context()
	try := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	_, err := s3.NewFromConfig(root).CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(bucket)})
	try("bucket", err)
	made, err := s3control.NewFromConfig(root).CreateAccessPoint(ctx, &s3control.CreateAccessPointInput{
		AccountId: &w.AccountID, Name: aws.String("clients"), Bucket: aws.String(bucket),
	})
	try("access point", err)
	w.accessPoint, w.alias = *made.AccessPointArn, *made.Alias

	user, err := iam.NewFromConfig(root).CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("operator")})
	try("user", err)
	key, err := iam.NewFromConfig(root).CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: user.User.UserName})
	try("access key", err)
	trust := policy(statement{Effect: "Allow", Principal: map[string]string{"AWS": *user.User.Arn}, Action: []string{"sts:AssumeRole"}})
	role, err := iam.NewFromConfig(root).CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("client"), AssumeRolePolicyDocument: &trust})
	try("role", err)
	permissions := w.permissions()
	_, err = iam.NewFromConfig(root).PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: role.Role.RoleName, PolicyName: aws.String("own-prefix"), PolicyDocument: &permissions})
	try("role policy", err)

	operator := w.config(t, aws.Credentials{AccessKeyID: *key.AccessKey.AccessKeyId, SecretAccessKey: *key.AccessKey.SecretAccessKey})
	session, err := sts.NewFromConfig(operator).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: role.Role.Arn, RoleSessionName: aws.String("client")})
	try("session", err)
	w.session = aws.Credentials{
		AccessKeyID: *session.Credentials.AccessKeyId, SecretAccessKey: *session.Credentials.SecretAccessKey, SessionToken: *session.Credentials.SessionToken,
	}
	return w
}

type statement struct {
	Effect    string
	Principal map[string]string `json:",omitempty"`
	Action    []string
	Resource  []string                     `json:",omitempty"`
	Condition map[string]map[string]string `json:",omitempty"`
}

func policy(statements ...statement) string {
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		panic(err) // strings and maps always marshal
	}
	return string(text)
}

// permissions are what the programs need: objects under the prefix, and listing it;
// rclone, the right to say that it wants no special ACL.
// Both names of everything are in it, the bucket's and the access point's, as a request
// through an access point is judged in both contexts (facts AWS §2.3).
func (w *world) permissions() string {
	own := statement{Effect: "Allow", Action: []string{"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:PutObjectAcl"}}
	list := statement{
		Effect: "Allow", Action: []string{"s3:ListBucket"},
		Condition: map[string]map[string]string{"StringLike": {"s3:prefix": prefix + "/*"}},
	}
	where := statement{Effect: "Allow", Action: []string{"s3:GetBucketLocation"}}
	for arn, object := range map[string]string{"arn:aws:s3:::" + bucket: "/", w.accessPoint: "/object/"} {
		own.Resource = append(own.Resource, arn+object+prefix+"/*")
		list.Resource = append(list.Resource, arn)
		where.Resource = append(where.Resource, arn)
	}
	return policy(own, list, where)
}

// config is the SDK's configuration for somebody: the endpoint is its own proxy.
func (w *world) config(t *testing.T, who aws.Credentials) aws.Config {
	t.Helper()
	proxy, err := url.Parse(w.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(proxy)}
	t.Cleanup(transport.CloseIdleConnections)
	return aws.Config{
		Region: w.Region, BaseEndpoint: &w.URL, HTTPClient: &http.Client{Transport: transport},
		Credentials:                credentials.StaticCredentialsProvider{Value: who},
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
	}
}

// where names the bucket in one of the ways that clients can.
func (w *world) where(t *testing.T, addressing string) string {
	t.Helper()
	name, ok := map[string]string{"bucket": bucket, "alias": w.alias, "ARN": w.accessPoint}[addressing]
	if !ok {
		t.Fatalf("addressing %q", addressing)
	}
	return name
}

// changes returns the operations since entry after that wrote or tried to, and the last
// entry's number. What a client prints of its work is its own business; this is what
// it did.
func (w *world) changes(t *testing.T, after uint64) (writes []string, last uint64) {
	t.Helper()
	client := &http.Client{Timeout: process.Patience}
	res, err := client.Get(fmt.Sprintf("%s/_aws/journal?after=%d", w.URL, after))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var got struct{ Entries []journal.Entry }
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	reads := []string{"GetObject", "HeadObject", "HeadBucket", "ListObjects", "ListObjectsV2", "GetBucketLocation"}
	last = after
	for _, e := range got.Entries {
		last = e.Sequence
		if !slices.Contains(reads, e.Operation) {
			writes = append(writes, e.Operation+" "+e.Resource)
		}
	}
	return writes, last
}

// soon is how long a presigned URL in a test lives.
const soon = 5 * time.Minute
