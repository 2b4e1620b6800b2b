package tenancy

import "github.com/managedcas/managedcas/internal/iam"

// EndpointPolicy returns a policy for an S3 VPC endpoint that serves this
// installation only. Each request is checked against both the access point and the
// bucket: with one of the two missing nothing works (facts AWS §10.9). A gateway
// endpoint serves everything in its route tables, container images included: merge
// this into what else they need.
func (in Installation) EndpointPolicy() *iam.Document {
	return also(document(
		iam.Statement{
			Sid:        "Artifacts",
			Effect:     iam.Allow,
			Principals: everyone(),
			Actions:    objectActions(),
			Resources:  []string{in.ObjectsARN(), in.APARNPattern() + "/object/*"},
		},
		iam.Statement{
			Sid:        "Listing",
			Effect:     iam.Allow,
			Principals: everyone(),
			Actions:    []string{listAction},
			Resources:  []string{in.BucketARN(), in.APARNPattern()},
		},
	), in.purgeEndpoint())
}
