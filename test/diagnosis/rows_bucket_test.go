package diagnosis

import (
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

const (
	denyObjects, denyListing         = "DenyObjectsOutsideAccessPoints", "DenyListingOutsideAccessPoints"
	delegateObjects, delegateListing = "DelegateObjectsToAccessPoints", "DelegateListingToAccessPoints"
	viaAccessPoint                   = "s3:DataAccessPointArn"
	createBoss                       = "aws iam create-user --user-name boss"
)

func bucketRows() []row {
	encrypt := func(rule string) []string {
		return []string{`aws s3api put-bucket-encryption --bucket $BUCKET --server-side-encryption-configuration "{\"Rules\":[{` + rule + `}]}"`}
	}
	const noSSEC = `,\"BlockedEncryptionTypes\":{\"EncryptionType\":[\"SSE-C\"]}`
	kms := func(key string) string {
		return `\"ApplyServerSideEncryptionByDefault\":{\"SSEAlgorithm\":\"aws:kms\",\"KMSMasterKeyID\":\"` + key + `\"}`
	}
	lifecycle := func(rule string) []string {
		return []string{`aws s3api put-bucket-lifecycle-configuration --bucket $BUCKET --lifecycle-configuration '{"Rules":[{"ID":"uploads","Status":"Enabled","Filter":{"Prefix":""},"AbortIncompleteMultipartUpload":{"DaysAfterInitiation":3}},` + rule + `]}'`}
	}
	admin := func(code string, mistake ...string) row {
		return row{code: code, as: "administrator", mistake: mistake}
	}
	delegatedTo := func(who func(tenancy.Installation) *iam.Principals) change {
		return both(principal(delegateObjects, who), principal(delegateListing, who))
	}
	baseRole := func(in tenancy.Installation) *iam.Principals { return named(in.BaseRoleARN()) }
	return []row{
		admin("bucket-missing", "aws s3api delete-bucket --bucket $BUCKET"),
		admin("bucket-public-access", "aws s3api delete-public-access-block --bucket $BUCKET"),
		{code: "bucket-public-access", as: "backend", mistake: []string{
			"aws s3api put-public-access-block --bucket $BUCKET --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=false,RestrictPublicBuckets=true"}},
		{code: "bucket-encryption-sse-s3", as: "backend", mistake: []string{"aws s3api delete-bucket-encryption --bucket $BUCKET"}},
		admin("bucket-encryption-aws-key", encrypt(`\"ApplyServerSideEncryptionByDefault\":{\"SSEAlgorithm\":\"aws:kms\"},\"BucketKeyEnabled\":true`+noSSEC)...),
		admin("bucket-encryption-key-missing", encrypt(kms("alias/none")+`,\"BucketKeyEnabled\":true`+noSSEC)...),
		{code: "bucket-encryption-other-key", as: "backend", mistake: append([]string{"OTHER=$(aws kms create-key --query KeyMetadata.Arn --output text)"}, encrypt(kms("$OTHER")+`,\"BucketKeyEnabled\":true`+noSSEC)...)},
		admin("bucket-key-off", encrypt(kms("$KEY")+noSSEC)...),
		admin("bucket-encryption-ssec", encrypt(kms("$KEY")+`,\"BucketKeyEnabled\":true`)...),
		admin("bucket-lifecycle-expires", lifecycle(`{"ID":"old","Status":"Enabled","Filter":{"Prefix":""},"Expiration":{"Days":30}}`)...),
		{code: "bucket-lifecycle-uploads", as: "backend", mistake: []string{"aws s3api delete-bucket-lifecycle --bucket $BUCKET"}},

		{code: "bucket-policy-missing", as: "administrator", mistake: []string{"aws s3api delete-bucket-policy --bucket $BUCKET"}},
		{code: "bucket-policy-missing", as: "backend", mistake: []string{"aws s3api delete-bucket-policy --bucket $BUCKET"}},
		bucketPolicy("bucket-policy-prefix", "backend", condition(denyObjects, "StringNotLike", viaAccessPoint, "arn:aws:s3:us-east-1:"+accountID+":accesspoint/other-*")),
		bucketPolicy("bucket-policy-version", "administrator", replaced(iam.Version2012, "2008-10-17")),
		bucketPolicy("bucket-policy-region", "administrator", replaced("s3:us-east-1:", "s3:eu-west-1:")),
		bucketPolicy("bucket-policy-account", "backend", replaced("us-east-1:"+accountID, "us-east-1:999922223333")),
		bucketPolicy("bucket-policy-delegation", "administrator", without(delegateObjects, delegateListing)),
		bucketPolicy("bucket-policy-delegation", "backend", actions(delegateObjects, "s3:GetObject")),
		bucketPolicy("bucket-policy-delegation-role", "administrator", delegatedTo(baseRole)),
		bucketPolicy("bucket-policy-default-encryption", "backend", unconditional("DenyOtherEncryptionWhenNamed", "Null")),
		bucketPolicy("bucket-policy-uploads-in-parts", "administrator", unconditional("DenyOverwrite", "Bool")),
		bucketPolicy("bucket-policy-deny", "backend", besides(deny(anybody(), "s3:Put*", anybodysBucket+"/*"))),
		bucketPolicy("bucket-policy-network", "administrator", besides(iam.Statement{Sid: "Network", Effect: iam.Deny, Principals: anybody(), Actions: []string{"s3:GetObject", "s3:PutObject"},
			Resources: []string{anybodysBucket + "/*"}, Conditions: []iam.Condition{{Operator: "StringNotEquals", Key: "aws:SourceVpce", Values: []string{"vpce-1"}}}})),
		bucketPolicy("bucket-policy-plain-http", "administrator", without("DenyPlainHTTP")),
		bucketPolicy("bucket-policy-direct-access", "backend", without(denyObjects)),
		bucketPolicy("bucket-policy-direct-listing", "administrator", without(denyListing)),
		bucketPolicy("bucket-policy-exception", "administrator", condition(denyObjects, "ArnNotEquals", "aws:PrincipalArn", boss)).before(createBoss),
		bucketPolicy("bucket-policy-prefix-wide", "backend", replaced("accesspoint/chainloop-*", "accesspoint/*")),
		bucketPolicy("bucket-policy-foreign-access-points", "administrator", replaced("s3:us-east-1:"+accountID+":accesspoint", "s3:us-east-1:*:accesspoint")),
		bucketPolicy("bucket-policy-overwrite", "administrator", without("DenyOverwrite")),
		bucketPolicy("bucket-policy-other-encryption", "backend", without("DenyOtherEncryptionWhenNamed")),
		bucketPolicy("bucket-policy-foreign-key", "administrator", without("DenyForeignKeyWhenNamed")),
		bucketPolicy("bucket-policy-customer-keys", "administrator", without("DenyCustomerProvidedKeys")),
		bucketPolicy("bucket-policy-other-organizations", "backend", without("DenyObjectsOfOtherOrganizations")),
		bucketPolicy("bucket-policy-delegates-too-much", "administrator", actions(delegateObjects, "s3:*")),
		bucketPolicy("bucket-policy-operators", "administrator", unconditional(denyListing, "ArnNotEquals")),
		bucketPolicy("bucket-policy-purge", "backend", unconditional(denyObjects, "ArnNotEquals")).purging(),
		bucketPolicy("bucket-policy-purge-wide", "administrator", without("DenyPurgeOfOtherOrganizations")).purging(),
		bucketPolicy("bucket-policy-grant", "administrator", besides(allow(named(boss), "s3:PutBucketPolicy", anybodysBucket))).before(createBoss),
		bucketPolicy("bucket-policy-denies-reader", "backend", besides(iam.Statement{Sid: "OfficeOnly", Effect: iam.Deny, Principals: anybody(), Actions: []string{"s3:*"},
			Resources: []string{anybodysBucket, anybodysBucket + "/*"}, Conditions: []iam.Condition{{Operator: "NotIpAddress", Key: "aws:SourceIp", Values: []string{"198.51.100.0/24"}}}})),
		bucketPolicy("bucket-policy-lockout", "administrator", besides(deny(anybody(), "s3:Put*Configuration", anybodysBucket))),
		bucketPolicy("bucket-policy-public", "administrator", besides(allow(anybody(), "s3:GetBucketPolicy", anybodysBucket))).
			before("aws s3api delete-public-access-block --bucket $BUCKET").
			after("aws s3api put-public-access-block --bucket $BUCKET --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true"),
		bucketPolicy("bucket-policy-stale-principal", "administrator", besides(allow(named("arn:aws:iam::"+accountID+":role/gone"), "s3:GetBucketTagging", anybodysBucket))).
			before(`aws iam create-role --role-name gone --assume-role-policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}'`).
			after("aws iam delete-role --role-name gone"),
	}
}

// purging has the row's installation purge deleted organizations.
func (r row) purging() row {
	r.more = []string{purges}
	return r
}

func (r row) after(lines ...string) row {
	r.mistake = append(r.mistake, lines...)
	return r
}
