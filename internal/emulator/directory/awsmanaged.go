package directory

import (
	"strings"
	"time"
)

const awsManagedPrefix = "arn:aws:iam::aws:policy/"

// AWSManagedPolicies returns the policies of AWS that the embedded account knows, in
// order of name.
func AWSManagedPolicies() []Policy {
	names := awsManagedNames()
	policies := make([]Policy, len(names))
	for i, name := range names {
		policies[i], _, _ = awsManaged(awsManagedPrefix + name)
	}
	return policies
}

func awsManagedNames() []string {
	return []string{"AdministratorAccess", "AmazonS3FullAccess", "ReadOnlyAccess"}
}

// OnMissing is what errors about a policy that is not there add to AWS's text: AWS has
// policies that the embedded account does not.
func OnMissing(policyARN string) string {
	if !strings.HasPrefix(policyARN, awsManagedPrefix) {
		return ""
	}
	return " Of the policies that AWS manages, the embedded AWS knows " + strings.Join(awsManagedNames(), ", ") +
		"; create a policy with what you need of another."
}

// awsManaged returns a policy that AWS manages, with its document. The documents are
// subsets of AWS's: they grant nothing that AWS's do not.
func awsManaged(arn string) (Policy, string, bool) {
	var id, doc string
	switch arn {
	case awsManagedPrefix + "AdministratorAccess":
		id = "ANPAIWMBCKSKIEE64ZLYK"
		doc = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	case awsManagedPrefix + "AmazonS3FullAccess":
		id = "ANPAIFIR6V6BVTRAHWINE"
		doc = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`
	case awsManagedPrefix + "ReadOnlyAccess":
		id = "ANPAILL3HVNFSB6DCOWYQ"
		doc = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[` +
			`"iam:Get*","iam:List*","iam:SimulateCustomPolicy",` +
			`"kms:Describe*","kms:Get*","kms:List*",` +
			`"s3:Get*","s3:List*"],"Resource":"*"}]}`
	default:
		return Policy{}, "", false
	}
	created := time.Date(2015, time.February, 6, 18, 39, 46, 0, time.UTC)
	return Policy{
		Name:     arn[len(awsManagedPrefix):],
		Path:     "/",
		ARN:      arn,
		ID:       id,
		Created:  created,
		Updated:  created,
		Default:  "v1",
		Versions: []VersionInfo{{ID: "v1", Created: created}},
		Issued:   1,
	}, doc, true
}
