package decisions_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"

	"github.com/managedcas/managedcas/internal/emulator"
)

// The names of facts AWS §3.5.
const (
	account   = "111122223333"
	region    = "eu-west-1"
	bucket    = "cas-prod"
	bucketARN = "arn:aws:s3:::" + bucket
	apA, apB  = "cas-prod-a", "cas-prod-b"

	rootARN  = "arn:aws:iam::" + account + ":root"
	roleARN  = "arn:aws:iam::" + account + ":role/T"
	casARN   = "arn:aws:iam::" + account + ":user/cas"
	adminARN = "arn:aws:iam::" + account + ":user/admin"
	orgAARN  = "arn:aws:sts::" + account + ":assumed-role/T/orgA"
	s0ARN    = "arn:aws:iam::" + account + ":policy/S0"
)

func apARN(name string) string {
	return "arn:aws:s3:" + region + ":" + account + ":accesspoint/" + name
}

// transports makes the client side of one actor.
type transports func() http.RoundTripper

// world is an embedded AWS account with an installation in it: bucket, key, tenant
// role T, and the access points of the organizations A and B.
type world struct {
	t      testing.TB
	aws    *emulator.AWS
	dial   transports
	keyARN string
	roleID string

	root  *actor
	cas   *actor // may assume T
	admin *actor // may do everything that no resource policy denies
}

// newWorld makes the account, with an object of each organization and no policies.
func newWorld(t testing.TB) *world {
	t.Helper()
	a, dial := serve(t)
	w := &world{t: t, aws: a, dial: dial}
	w.furnish()
	return w
}

// serve starts an embedded AWS behind TLS. Its clients use AWS's own host names and
// end up at it.
func serve(t testing.TB) (*emulator.AWS, transports) {
	t.Helper()
	a := open(t)
	srv := httptest.NewUnstartedServer(a)
	srv.Config = a.Server()
	srv.StartTLS()
	t.Cleanup(srv.Close)
	tlsConfig := srv.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	tlsConfig.ServerName = "example.com" // what the test certificate is for
	return a, func() http.RoundTripper {
		tr := &http.Transport{
			TLSClientConfig: tlsConfig,
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, srv.Listener.Addr().String())
			},
		}
		t.Cleanup(tr.CloseIdleConnections)
		return tr
	}
}

func open(t testing.TB) *emulator.AWS {
	t.Helper()
	a, err := emulator.Open(emulator.Config{Dir: t.TempDir(), AccountID: account, Region: region})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func (w *world) furnish() {
	w.t.Helper()
	ctx := w.t.Context()
	key := w.aws.RootCredentials()
	w.root = w.actor(key.AccessKeyID, key.SecretAccessKey, "")
	w.cas = w.user("cas")
	w.admin = w.user("admin")
	w.attach("admin", policy(allow("Administrator", everything, "*")))
	w.createRole(policy(allow("TrustCAS", []string{"sts:AssumeRole"}).to(principal{"AWS": casARN})))

	made, err := w.root.kms().CreateKey(ctx, &kms.CreateKeyInput{})
	w.must(err)
	w.keyARN = *made.KeyMetadata.Arn
	_, err = w.root.s3().CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket:                    aws.String(bucket),
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region},
	})
	w.must(err)
	w.encrypt(true)
	w.createAccessPoint(apA)
	w.createAccessPoint(apB)
	w.store("orgA/x")
	w.store("orgB/y")
}

// encrypt makes SSE-KMS the bucket's default.
func (w *world) encrypt(bucketKey bool) {
	w.t.Helper()
	_, err := w.root.s3().PutBucketEncryption(w.t.Context(), &s3.PutBucketEncryptionInput{
		Bucket: aws.String(bucket),
		ServerSideEncryptionConfiguration: &s3types.ServerSideEncryptionConfiguration{Rules: []s3types.ServerSideEncryptionRule{{
			BucketKeyEnabled: aws.Bool(bucketKey),
			ApplyServerSideEncryptionByDefault: &s3types.ServerSideEncryptionByDefault{
				SSEAlgorithm: s3types.ServerSideEncryptionAwsKms, KMSMasterKeyID: aws.String(w.keyARN),
			},
		}}},
	})
	w.must(err)
}

// store puts an object whose content is its key, past the access points: the root
// user can as long as the bucket has no policy.
func (w *world) store(key string) {
	w.t.Helper()
	_, err := w.root.s3().PutObject(w.t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), Body: strings.NewReader(key)})
	w.must(err)
}

func (w *world) createAccessPoint(name string, more ...func(*s3control.CreateAccessPointInput)) {
	w.t.Helper()
	in := &s3control.CreateAccessPointInput{AccountId: aws.String(account), Name: aws.String(name), Bucket: aws.String(bucket)}
	for _, f := range more {
		f(in)
	}
	_, err := w.root.control().CreateAccessPoint(w.t.Context(), in)
	w.must(err)
}

// alias returns the access point's alias, which stands for a bucket name.
func (w *world) alias(ap string) string {
	w.t.Helper()
	got, err := w.root.control().GetAccessPoint(w.t.Context(), &s3control.GetAccessPointInput{AccountId: aws.String(account), Name: aws.String(ap)})
	w.must(err)
	return *got.Alias
}

func (w *world) createRole(trust *document) {
	w.t.Helper()
	made, err := w.root.iam().CreateRole(w.t.Context(), &iam.CreateRoleInput{RoleName: aws.String("T"), AssumeRolePolicyDocument: aws.String(trust.text(w.t))})
	w.must(err)
	w.roleID = *made.Role.RoleId
}

// deleteRole deletes T, with its policy.
func (w *world) deleteRole() {
	w.t.Helper()
	_, err := w.root.iam().DeleteRolePolicy(w.t.Context(), &iam.DeleteRolePolicyInput{RoleName: aws.String("T"), PolicyName: aws.String("I0")})
	w.must(err)
	_, err = w.root.iam().DeleteRole(w.t.Context(), &iam.DeleteRoleInput{RoleName: aws.String("T")})
	w.must(err)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}
