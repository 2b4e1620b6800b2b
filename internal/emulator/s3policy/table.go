package s3policy

import "strings"

// The tables below are kept by hand from the Service Authorization Reference, "Actions,
// resources, and condition keys for Amazon S3", as it stood in September 2026
// (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html).
// What AWS has added since is refused here until it is entered: for a policy that
// stands on data, refusing too much is the safe mistake.

// resources is a set of the types of resources that these policies can name.
type resources uint8

const (
	bucket resources = 1 << iota
	object
	accessPoint
	accessPointObject

	elsewhere resources = 0 // the account, jobs, grants, dashboards: on no bucket and no access point
)

// actionsOn lists the actions of S3 by the resources they apply to. One entry departs
// from the reference, which has ListBucketMultipartUploads on the bucket alone: it
// gives the action the condition keys of access points, and the operation is
// supported through them
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-service-api-support.html).
var actionsOn = map[resources][]string{
	bucket: strings.Fields(`
		AllowVendedLogDeliveryForResource CreateBucket CreateBucketMetadataTableConfiguration
		DeleteBucket DeleteBucketMetadataTableConfiguration DeleteBucketPolicy DeleteBucketWebsite
		GetAccelerateConfiguration GetAnalyticsConfiguration GetBucketAbac GetBucketLogging
		GetBucketMetadataTableConfiguration GetBucketObjectLockConfiguration
		GetBucketOwnershipControls GetBucketPolicyStatus GetBucketPublicAccessBlock
		GetBucketRequestPayment GetBucketTagging GetBucketVersioning GetBucketWebsite
		GetEncryptionConfiguration GetIntelligentTieringConfiguration GetInventoryConfiguration
		GetLifecycleConfiguration GetMetricsConfiguration GetReplicationConfiguration PauseReplication
		PutAccelerateConfiguration PutAnalyticsConfiguration PutBucketAbac PutBucketAcl PutBucketCORS
		PutBucketLogging PutBucketNotification PutBucketObjectLockConfiguration
		PutBucketOwnershipControls PutBucketPolicy PutBucketPublicAccessBlock PutBucketRequestPayment
		PutBucketTagging PutBucketVersioning PutBucketWebsite PutEncryptionConfiguration
		PutIntelligentTieringConfiguration PutInventoryConfiguration PutLifecycleConfiguration
		PutMetricsConfiguration PutReplicationConfiguration
		UpdateBucketMetadataAnnotationTableConfiguration
		UpdateBucketMetadataInventoryTableConfiguration UpdateBucketMetadataJournalTableConfiguration
	`),
	bucket | accessPoint: strings.Fields(`
		GetBucketAcl GetBucketCORS GetBucketLocation GetBucketNotification GetBucketPolicy ListBucket
		ListBucketMultipartUploads ListBucketVersions ListTagsForResource TagResource UntagResource
	`),
	object | accessPointObject: strings.Fields(`
		AbortMultipartUpload BypassGovernanceRetention DeleteObject DeleteObjectAnnotation
		DeleteObjectTagging DeleteObjectVersion DeleteObjectVersionAnnotation
		DeleteObjectVersionTagging GetObject GetObjectAcl GetObjectAnnotation GetObjectAttributes
		GetObjectLegalHold GetObjectRetention GetObjectTagging GetObjectVersion GetObjectVersionAcl
		GetObjectVersionAnnotation GetObjectVersionAttributes GetObjectVersionTagging
		ListMultipartUploadParts ListObjectAnnotations ListObjectVersionAnnotations PutObject
		PutObjectAcl PutObjectAnnotation PutObjectLegalHold PutObjectRetention PutObjectTagging
		PutObjectVersionAcl PutObjectVersionAnnotation PutObjectVersionTagging RestoreObject
		UpdateObjectEncryption
	`),
	object: strings.Fields(`
		GetObjectTorrent GetObjectVersionAnnotationForReplication GetObjectVersionForReplication
		GetObjectVersionTorrent InitiateReplication ObjectOwnerOverrideToBucketOwner ReplicateDelete
		ReplicateObject ReplicateObjectAnnotation ReplicateTags
	`),
	accessPoint: strings.Fields(`
		CreateAccessPoint DeleteAccessPoint DeleteAccessPointPolicy GetAccessPointPolicy
		GetAccessPointPolicyStatus PutAccessPointPolicy
	`),
	elsewhere: strings.Fields(`
		AssociateAccessGrantsIdentityCenter CreateAccessGrant CreateAccessGrantsInstance
		CreateAccessGrantsLocation CreateAccessPointForObjectLambda CreateJob
		CreateMultiRegionAccessPoint CreateStorageLensGroup DeleteAccessGrant
		DeleteAccessGrantsInstance DeleteAccessGrantsInstanceResourcePolicy DeleteAccessGrantsLocation
		DeleteAccessPointForObjectLambda DeleteAccessPointPolicyForObjectLambda DeleteJobTagging
		DeleteMultiRegionAccessPoint DeleteStorageLensConfiguration
		DeleteStorageLensConfigurationTagging DeleteStorageLensGroup DescribeJob
		DescribeMultiRegionAccessPointOperation DissociateAccessGrantsIdentityCenter GetAccessGrant
		GetAccessGrantsInstance GetAccessGrantsInstanceForPrefix GetAccessGrantsInstanceResourcePolicy
		GetAccessGrantsLocation GetAccessPoint GetAccessPointConfigurationForObjectLambda
		GetAccessPointForObjectLambda GetAccessPointPolicyForObjectLambda
		GetAccessPointPolicyStatusForObjectLambda GetAccountPublicAccessBlock GetDataAccess
		GetJobTagging GetMultiRegionAccessPoint GetMultiRegionAccessPointPolicy
		GetMultiRegionAccessPointPolicyStatus GetMultiRegionAccessPointRoutes
		GetStorageLensConfiguration GetStorageLensConfigurationTagging GetStorageLensDashboard
		GetStorageLensGroup ListAccessGrants ListAccessGrantsInstances ListAccessGrantsLocations
		ListAccessPoints ListAccessPointsForObjectLambda ListAllMyBuckets ListCallerAccessGrants
		ListJobs ListMultiRegionAccessPoints ListStorageLensConfigurations ListStorageLensGroups
		PutAccessGrantsInstanceResourcePolicy PutAccessPointConfigurationForObjectLambda
		PutAccessPointPolicyForObjectLambda PutAccessPointPublicAccessBlock
		PutAccountPublicAccessBlock PutJobTagging PutMultiRegionAccessPointPolicy
		PutStorageLensConfiguration PutStorageLensConfigurationTagging
		SubmitMultiRegionAccessPointRoutes UpdateAccessGrantsLocation UpdateJobPriority
		UpdateJobStatus UpdateStorageLensGroup
	`),
}

// generalKeys are the keys that a statement may use whatever its actions are. The
// reference lists the keys of access points with the resource types of access points;
// bucket policies delegate on "Action": "*" with them
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-policies.html).
// A key that ends in "/" stands for all tags.
var generalKeys = strings.Fields(`
	s3:accesspointnetworkorigin s3:accesspointtag/ s3:authtype s3:buckettag/
	s3:dataaccesspointaccount s3:dataaccesspointarn s3:resourceaccount s3:signatureage
	s3:signatureversion s3:tlsversion s3:x-amz-content-sha256
`)

// keysOf lists, for every other condition key of S3, the actions that have it.
var keysOf = map[string][]string{
	"s3:accessgrantscope": {"CreateAccessGrant", "DeleteAccessGrant", "GetAccessGrant"},
	"s3:accessgrantsinstancearn": strings.Fields(`
		AbortMultipartUpload DeleteObject DeleteObjectVersion GetObject GetObjectAcl GetObjectVersion
		GetObjectVersionAcl ListBucket ListBucketMultipartUploads ListBucketVersions
		ListMultipartUploadParts PutObject PutObjectAcl PutObjectVersionAcl
	`),
	"s3:accessgrantslocationscope": {"CreateAccessGrantsLocation", "DeleteAccessGrantsLocation", "GetAccessGrantsLocation", "UpdateAccessGrantsLocation"},
	"s3:annotation-prefix":         {"ListObjectAnnotations", "ListObjectVersionAnnotations"},
	"s3:delimiter":                 {"ListBucket", "ListBucketVersions"},
	"s3:deliverysourcearn":         {"AllowVendedLogDeliveryForResource"},
	"s3:destinationregion":         {"PauseReplication"},
	"s3:existingjoboperation":      {"DeleteJobTagging", "PutJobTagging", "UpdateJobPriority", "UpdateJobStatus"},
	"s3:existingjobpriority":       {"DeleteJobTagging", "PutJobTagging", "UpdateJobPriority", "UpdateJobStatus"},
	"s3:existingobjecttag/": strings.Fields(`
		DeleteObjectAnnotation DeleteObjectTagging DeleteObjectVersionAnnotation
		DeleteObjectVersionTagging GetObject GetObjectAcl GetObjectAnnotation GetObjectAttributes
		GetObjectTagging GetObjectVersion GetObjectVersionAcl GetObjectVersionAnnotation
		GetObjectVersionAttributes GetObjectVersionTagging ListObjectAnnotations
		ListObjectVersionAnnotations PutObjectAcl PutObjectAnnotation PutObjectTagging
		PutObjectVersionAcl PutObjectVersionAnnotation PutObjectVersionTagging UpdateObjectEncryption
	`),
	"s3:if-match":                             {"DeleteObject", "PutObject"},
	"s3:if-none-match":                        {"PutObject"},
	"s3:inventoryaccessibleoptionalfields":    {"PutInventoryConfiguration"},
	"s3:isreplicationpauserequest":            {"PutReplicationConfiguration"},
	"s3:jobsuspendedcause":                    {"UpdateJobStatus"},
	"s3:locationconstraint":                   {"CreateAccessPoint", "CreateBucket"},
	"s3:logtype":                              {"AllowVendedLogDeliveryForResource"},
	"s3:max-annotation-results":               {"ListObjectAnnotations", "ListObjectVersionAnnotations"},
	"s3:max-keys":                             {"ListBucket", "ListBucketVersions"},
	"s3:object-lock-event-hold":               {"PutObject", "PutObjectRetention", "ReplicateObject"},
	"s3:object-lock-event-hold-duration-days": {"PutObject", "PutObjectRetention", "ReplicateObject"},
	"s3:object-lock-legal-hold":               {"PutObject", "PutObjectLegalHold"},
	"s3:object-lock-mode":                     {"PutObject", "PutObjectRetention"},
	"s3:object-lock-remaining-retention-days": {"PutObject", "PutObjectRetention"},
	"s3:object-lock-retain-until-date":        {"PutObject", "PutObjectRetention"},
	"s3:objectcreationoperation":              {"PutObject"},
	"s3:prefix":                               {"ListBucket", "ListBucketVersions"},
	"s3:requestjoboperation":                  {"CreateJob"},
	"s3:requestjobpriority":                   {"CreateJob", "UpdateJobPriority"},
	"s3:requestobjecttag/":                    {"BypassGovernanceRetention", "PutObject", "PutObjectTagging", "PutObjectVersionTagging"},
	"s3:requestobjecttagkeys":                 {"BypassGovernanceRetention", "PutObject", "PutObjectTagging", "PutObjectVersionTagging"},
	"s3:resourcearnbeingauthorized":           {"AllowVendedLogDeliveryForResource"},
	"s3:versionid": strings.Fields(`
		DeleteObjectVersion DeleteObjectVersionAnnotation DeleteObjectVersionTagging GetObjectVersion
		GetObjectVersionAcl GetObjectVersionAnnotation GetObjectVersionAttributes
		GetObjectVersionTagging GetObjectVersionTorrent ListObjectVersionAnnotations
		PutObjectVersionAcl PutObjectVersionAnnotation PutObjectVersionTagging
	`),
	"s3:x-amz-acl": strings.Fields(`
		BypassGovernanceRetention CreateAccessPoint CreateBucket PutBucketAcl PutObject PutObjectAcl
		PutObjectVersionAcl
	`),
	"s3:x-amz-bucket-namespace": {"CreateBucket"},
	"s3:x-amz-copy-source":      {"BypassGovernanceRetention", "PutObject"},
	"s3:x-amz-grant-full-control": strings.Fields(`
		BypassGovernanceRetention CreateBucket PutBucketAcl PutObject PutObjectAcl PutObjectVersionAcl
	`),
	"s3:x-amz-grant-read": strings.Fields(`
		BypassGovernanceRetention CreateBucket PutBucketAcl PutObject PutObjectAcl PutObjectVersionAcl
	`),
	"s3:x-amz-grant-read-acp": strings.Fields(`
		BypassGovernanceRetention CreateBucket PutBucketAcl PutObject PutObjectAcl PutObjectVersionAcl
	`),
	"s3:x-amz-grant-write": strings.Fields(`
		BypassGovernanceRetention CreateBucket PutBucketAcl PutObject PutObjectAcl PutObjectVersionAcl
	`),
	"s3:x-amz-grant-write-acp": strings.Fields(`
		BypassGovernanceRetention CreateBucket PutBucketAcl PutObject PutObjectAcl PutObjectVersionAcl
	`),
	"s3:x-amz-metadata-directive":                        {"BypassGovernanceRetention", "PutObject"},
	"s3:x-amz-object-annotation-directive":               {"PutObject"},
	"s3:x-amz-object-if-match":                           {"DeleteObjectAnnotation", "DeleteObjectVersionAnnotation", "PutObjectAnnotation", "PutObjectVersionAnnotation"},
	"s3:x-amz-object-ownership":                          {"CreateBucket"},
	"s3:x-amz-server-side-encryption":                    {"BypassGovernanceRetention", "PutObject", "ReplicateObject", "UpdateObjectEncryption"},
	"s3:x-amz-server-side-encryption-aws-kms-key-id":     {"BypassGovernanceRetention", "PutObject", "ReplicateObject", "UpdateObjectEncryption"},
	"s3:x-amz-server-side-encryption-customer-algorithm": {"BypassGovernanceRetention", "PutObject", "ReplicateObject"},
	"s3:x-amz-storage-class":                             {"BypassGovernanceRetention", "PutObject", "PutObjectAcl", "PutObjectVersionAcl"},
	"s3:x-amz-website-redirect-location":                 {"BypassGovernanceRetention", "PutObject"},
}
