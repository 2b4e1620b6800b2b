package doctor

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// asker is somebody who asks for something, with the policies that are theirs.
type asker struct {
	name      string // for a person
	principal string // ARN
	role      string // ARN of the role behind a session
	arn       string // aws:PrincipalArn
	account   string
	userID    string
	tags      map[string]string
	identity  []iam.Policy
	session   []iam.Policy
	limited   bool // a session policy was passed
}

// bucketAsk is a request as the bucket's side of S3 sees it (facts AWS §2.3).
type bucketAsk struct {
	by      asker
	action  string
	key     string      // of an object; empty: the bucket itself
	through string      // ARN of an access point; empty: none
	with    iam.Context // condition keys of this request
}

// decide is what AWS decides there. Keys in more replace those of the request.
func (a bucketAsk) decide(in tenancy.Installation, policy *iam.Document, more iam.Context) iam.Decision {
	c := a.by.context(in)
	if a.through != "" {
		c.Set("s3:DataAccessPointArn", a.through)
		c.Set("s3:DataAccessPointAccount", strings.Split(a.through, ":")[4])
		c.Set("s3:AccessPointNetworkOrigin", "Internet")
	}
	maps.Copy(c, a.with)
	maps.Copy(c, more)
	return iam.Evaluate(iam.Request{
		Principal:     a.by.principal,
		PrincipalRole: a.by.role,
		Action:        a.action,
		Resource:      a.resource(in),
		Account:       in.AccountID,
		Context:       c,
	}, iam.PolicySet{
		Identity:      a.by.identity,
		Session:       a.by.session,
		SessionPassed: a.by.limited,
		Resource:      &iam.Policy{Name: "policy of bucket " + in.BucketName, Document: policy},
	})
}

func (a bucketAsk) resource(in tenancy.Installation) string {
	if a.key == "" {
		return in.BucketARN()
	}
	return in.BucketARN() + "/" + a.key
}

// describe says what was asked, for an Evidence.
func (a bucketAsk) describe() string {
	way := "without an access point"
	if a.through != "" {
		way = "through " + a.through
	}
	return fmt.Sprintf("%s by %s, %s", a.action, a.by.name, way)
}

// context holds the condition keys of every request of the asker (facts AWS §2.4). An
// installation on the embedded AWS is asked as it is used: in plain HTTP, from loopback.
func (c asker) context(in tenancy.Installation) iam.Context {
	keys := iam.Context{}
	service := c.account == "" && c.principal != iam.Anonymous
	if c.account != "" {
		keys.Set("aws:PrincipalArn", c.arn)
		keys.Set("aws:PrincipalAccount", c.account)
		keys.Set("aws:userid", c.userID)
		keys.Set("aws:PrincipalType", "AssumedRole")
	}
	keys.Set("aws:PrincipalIsAWSService", strconv.FormatBool(service))
	keys.Set("aws:ViaAWSService", "false")
	keys.Set("aws:ResourceAccount", in.AccountID)
	keys.Set("s3:ResourceAccount", in.AccountID)
	keys.Set("aws:RequestedRegion", in.Region)
	keys.Set("aws:SecureTransport", "true")
	keys.Set("aws:SourceIp", "203.0.113.7") // of a documentation network: nobody's
	keys.Set("s3:TlsVersion", "1.3")
	keys.Set("s3:authType", "REST-HEADER")
	keys.Set("s3:signatureversion", "AWS4-HMAC-SHA256")
	if in.Loopback {
		keys.Set("aws:SecureTransport", "false")
		keys.Set("aws:SourceIp", "127.0.0.1")
		keys.Set("s3:TlsVersion")
	}
	for key, value := range c.tags {
		keys.Set("aws:PrincipalTag/"+key, value)
	}
	return keys
}

func keys(pairs ...string) iam.Context {
	c := iam.Context{}
	for i := 0; i+1 < len(pairs); i += 2 {
		c.Set(pairs[i], pairs[i+1])
	}
	return c
}

// artifact is the key of an artifact of the organization.
func artifact(t tenancy.Tenant) string { return t.ObjectKey(digest.Of(t.Canary())) }

// write is a write of an artifact as the engines make it: it must not replace anything
// (DESIGN I4), and leaves the encryption to the bucket.
func write() iam.Context { return keys("s3:if-none-match", "*", "s3:ObjectCreationOperation", "true") }
