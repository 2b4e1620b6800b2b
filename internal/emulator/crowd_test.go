package emulator_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/managedcas/managedcas/internal/emulator"
	"github.com/managedcas/managedcas/internal/emulator/directory"
	"github.com/managedcas/managedcas/internal/emulator/s3state"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// crowd is an account with one access point, role and session policy that requests are
// made with, and as many others beside them as a test likes.
type crowd struct {
	t     testing.TB
	aws   *emulator.AWS
	alias string
	role  string
	size  int // access points and policies, each

	root, workload aws.Config
	session        aws.Config // of the role, with the policy
}

const (
	crowdBucket = "shared"
	crowdKey    = "org/object"
	crowdPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`
)

// newCrowd opens an account in dir and makes what is looked at.
func newCrowd(t *testing.T, dir string) *crowd {
	t.Helper()
	a := open(t, dir)
	srv := httptest.NewUnstartedServer(a)
	srv.Config = a.Server()
	srv.Start()
	t.Cleanup(func() {
		srv.Close()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	key := a.RootCredentials()
	c := &crowd{t: t, aws: a, size: 1}
	c.root = clientConfig(t, srv, credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, ""))
	c.identities()
	c.storage()
	c.workload = clientConfig(t, srv, c.user())
	answer, err := sts.NewFromConfig(c.workload).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: &c.role, RoleSessionName: aws.String("org"),
		PolicyArns: []ststypes.PolicyDescriptorType{{Arn: aws.String("arn:aws:iam::" + account + ":policy/p0")}},
	})
	c.check(err)
	got := answer.Credentials
	c.session = clientConfig(t, srv, credentials.NewStaticCredentialsProvider(*got.AccessKeyId, *got.SecretAccessKey, *got.SessionToken))
	c.workload.HTTPClient = &http.Client{Transport: inProcess{a}}
	return c
}

func (c *crowd) check(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// identities makes a role that any user may assume, a user, and the session policy.
func (c *crowd) identities() {
	c.t.Helper()
	client, ctx := iam.NewFromConfig(c.root), c.t.Context()
	role, err := client.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("tenant"), AssumeRolePolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}`)})
	c.check(err)
	_, err = client.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("tenant"), PolicyName: aws.String("own"), PolicyDocument: aws.String(crowdPolicy)})
	c.check(err)
	_, err = client.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("p0"), PolicyDocument: aws.String(crowdPolicy)})
	c.check(err)
	_, err = client.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("workload")})
	c.check(err)
	c.role = *role.Role.Arn
}

func (c *crowd) user() aws.CredentialsProvider {
	c.t.Helper()
	key, err := iam.NewFromConfig(c.root).CreateAccessKey(c.t.Context(), &iam.CreateAccessKeyInput{UserName: aws.String("workload")})
	c.check(err)
	return credentials.NewStaticCredentialsProvider(*key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey, "")
}

// storage makes the bucket, an object, and the access point ap0.
func (c *crowd) storage() {
	c.t.Helper()
	client, ctx := s3.NewFromConfig(c.root), c.t.Context()
	_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket: aws.String(crowdBucket), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region},
	})
	c.check(err)
	_, err = client.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(crowdBucket), Key: aws.String(crowdKey), Body: bytes.NewReader([]byte("content"))})
	c.check(err)
	made, err := s3control.NewFromConfig(c.root).CreateAccessPoint(ctx, &s3control.CreateAccessPointInput{
		AccountId: aws.String(account), Name: aws.String("ap0"), Bucket: aws.String(crowdBucket),
	})
	c.check(err)
	c.alias = *made.Alias
}

// grow adds access points and managed policies until there are n of each.
func (c *crowd) grow(n int) {
	c.t.Helper()
	c.check(c.aws.DB().Update(func(tx state.Tx) error {
		first, err := s3state.AccessPoints.Get(tx, s3state.AccessPointKey(account, "ap0"))
		if err != nil {
			return err
		}
		for i := c.size; i < n; i++ {
			ap := first
			ap.Name, ap.Alias = "ap"+strconv.Itoa(i), strconv.Itoa(i)+first.Alias[3:]
			key := s3state.AccessPointKey(account, ap.Name)
			if err := s3state.AccessPoints.Put(tx, key, ap); err != nil {
				return err
			}
			if err := s3state.Aliases.Put(tx, ap.Alias, key); err != nil {
				return err
			}
		}
		return nil
	}))
	c.check(c.aws.Directory().Update(func(tx directory.Tx) error {
		for i := c.size; i < n; i++ {
			name := "p" + strconv.Itoa(i)
			v := directory.VersionInfo{ID: "v1"}
			p := directory.Policy{
				Name: name, Path: "/", ARN: "arn:aws:iam::" + account + ":policy/" + name, ID: directory.NewID(directory.KindPolicy),
				Default: v.ID, Versions: []directory.VersionInfo{v}, Issued: 1,
			}
			if err := directory.Versions.Put(tx, directory.VersionKey(p.ID, v.ID), directory.Version{VersionInfo: v, Document: crowdPolicy}); err != nil {
				return err
			}
			if err := directory.Policies.Put(tx, name, p); err != nil {
				return err
			}
		}
		return nil
	}))
	c.size = n
}

// requests read or decide about one thing among many, by name.
func (c *crowd) requests() map[string]func() error {
	direct := &http.Client{Transport: inProcess{c.aws}}
	c.root.HTTPClient, c.session.HTTPClient = direct, direct
	object := s3.NewFromConfig(c.session, func(o *s3.Options) { o.UsePathStyle = true })
	identity, points, tokens := iam.NewFromConfig(c.root), s3control.NewFromConfig(c.root), sts.NewFromConfig(c.workload)
	ctx, name, policy := c.t.Context(), aws.String("ap0"), aws.String("arn:aws:iam::"+account+":policy/p0")
	return map[string]func() error{
		"GetObject": func() error {
			// An access point's alias stands for a bucket.
			_, err := object.GetObject(ctx, &s3.GetObjectInput{Bucket: &c.alias, Key: aws.String(crowdKey)})
			return err
		},
		"GetAccessPoint": func() error {
			_, err := points.GetAccessPoint(ctx, &s3control.GetAccessPointInput{AccountId: aws.String(account), Name: name})
			return err
		},
		"ListAccessPoints": func() error {
			_, err := points.ListAccessPoints(ctx, &s3control.ListAccessPointsInput{AccountId: aws.String(account), MaxResults: 10})
			return err
		},
		"GetPolicy": func() error {
			_, err := identity.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: policy})
			return err
		},
		"GetAccountSummary": func() error {
			_, err := identity.GetAccountSummary(ctx, nil)
			return err
		},
		"AssumeRole": func() error {
			_, err := tokens.AssumeRole(ctx, &sts.AssumeRoleInput{
				RoleArn: &c.role, RoleSessionName: aws.String("org"), PolicyArns: []ststypes.PolicyDescriptorType{{Arn: policy}},
			})
			return err
		},
	}
}

// inProcess sends requests to an account without a network between.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	in.RequestURI, in.RemoteAddr = r.URL.RequestURI(), "127.0.0.1:1"
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, in)
	return w.Result(), nil
}

// TestCrowdCostsNothing counts what a request allocates, which follows what it reads and
// decodes, in a small and in a full account. It is not parallel: the count is of the
// whole process.
func TestCrowdCostsNothing(t *testing.T) {
	c := newCrowd(t, t.TempDir())
	requests := c.requests()
	cost := func() map[string]float64 {
		counted := map[string]float64{}
		for name, request := range requests {
			counted[name] = testing.AllocsPerRun(50, func() {
				if err := request(); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			})
		}
		return counted
	}
	c.grow(100)
	few := cost()
	c.grow(10_000)
	for name, many := range cost() {
		t.Logf("%s: %.0f allocations among 100, %.0f among 10,000", name, few[name], many)
		if many > 1.25*few[name] {
			t.Errorf("%s allocates %.0f times among 10,000 access points and policies, %.0f among 100", name, many, few[name])
		}
	}
}
