package s3api

import "net/http"

func bucketOperations() []operation {
	const get, put, del, head, post = http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodHead, http.MethodPost
	return []operation{
		{shape{get, onAccount, "", false}, "ListBuckets", false, (*Service).listBuckets},
		{shape{put, onBucket, "", false}, "CreateBucket", false, (*Service).createBucket},
		{shape{del, onBucket, "", false}, "DeleteBucket", false, (*Service).deleteBucket},
		{shape{head, onBucket, "", false}, "HeadBucket", true, (*Service).headBucket},
		{shape{get, onBucket, "location", false}, "GetBucketLocation", true, (*Service).getBucketLocation},

		{shape{put, onBucket, "policy", false}, "PutBucketPolicy", false, (*Service).putBucketPolicy},
		{shape{get, onBucket, "policy", false}, "GetBucketPolicy", true, (*Service).getBucketPolicy},
		{shape{del, onBucket, "policy", false}, "DeleteBucketPolicy", false, (*Service).deleteBucketPolicy},
		{shape{get, onBucket, "policyStatus", false}, "GetBucketPolicyStatus", false, (*Service).getBucketPolicyStatus},

		{shape{put, onBucket, "publicAccessBlock", false}, "PutPublicAccessBlock", false, (*Service).putPublicAccessBlock},
		{shape{get, onBucket, "publicAccessBlock", false}, "GetPublicAccessBlock", false, (*Service).getPublicAccessBlock},
		{shape{del, onBucket, "publicAccessBlock", false}, "DeletePublicAccessBlock", false, (*Service).deletePublicAccessBlock},

		{shape{put, onBucket, "encryption", false}, "PutBucketEncryption", false, (*Service).putBucketEncryption},
		{shape{get, onBucket, "encryption", false}, "GetBucketEncryption", false, (*Service).getBucketEncryption},
		{shape{del, onBucket, "encryption", false}, "DeleteBucketEncryption", false, (*Service).deleteBucketEncryption},

		{shape{put, onBucket, "ownershipControls", false}, "PutBucketOwnershipControls", false, (*Service).putOwnershipControls},
		{shape{get, onBucket, "ownershipControls", false}, "GetBucketOwnershipControls", false, (*Service).getOwnershipControls},
		{shape{del, onBucket, "ownershipControls", false}, "DeleteBucketOwnershipControls", false, (*Service).deleteOwnershipControls},

		{shape{put, onBucket, "versioning", false}, "PutBucketVersioning", false, (*Service).putVersioning},
		{shape{get, onBucket, "versioning", false}, "GetBucketVersioning", false, (*Service).getVersioning},

		{shape{put, onBucket, "tagging", false}, "PutBucketTagging", false, (*Service).putBucketTagging},
		{shape{get, onBucket, "tagging", false}, "GetBucketTagging", false, (*Service).getBucketTagging},
		{shape{del, onBucket, "tagging", false}, "DeleteBucketTagging", false, (*Service).deleteBucketTagging},

		{shape{put, onBucket, "lifecycle", false}, "PutBucketLifecycleConfiguration", false, (*Service).putLifecycle},
		{shape{get, onBucket, "lifecycle", false}, "GetBucketLifecycleConfiguration", false, (*Service).getLifecycle},
		{shape{del, onBucket, "lifecycle", false}, "DeleteBucketLifecycle", false, (*Service).deleteLifecycle},

		{shape{get, onBucket, "", false}, "ListObjects", true, (*Service).listObjects},
		{shape{get, onBucket, "list-type", false}, "ListObjectsV2", true, (*Service).listObjectsV2},
		{shape{get, onBucket, "versions", false}, "ListObjectVersions", true, (*Service).listObjectVersions},
		{shape{get, onBucket, "uploads", false}, "ListMultipartUploads", true, (*Service).listMultipartUploads},
		{shape{post, onBucket, "delete", false}, "DeleteObjects", true, (*Service).deleteObjects},
	}
}

func objectOperations() []operation {
	const get, put, del, head, post = http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodHead, http.MethodPost
	return []operation{
		{shape{put, onObject, "", false}, "PutObject", true, (*Service).putObject},
		{shape{put, onObject, "", true}, "CopyObject", true, (*Service).copyObject},
		{shape{get, onObject, "", false}, "GetObject", true, (*Service).getObject},
		{shape{get, onObject, "partNumber", false}, "GetObject", true, (*Service).getObject},
		{shape{head, onObject, "", false}, "HeadObject", true, (*Service).getObject},
		{shape{head, onObject, "partNumber", false}, "HeadObject", true, (*Service).getObject},
		{shape{get, onObject, "attributes", false}, "GetObjectAttributes", true, (*Service).getObjectAttributes},
		{shape{del, onObject, "", false}, "DeleteObject", true, (*Service).deleteObject},

		{shape{put, onObject, "tagging", false}, "PutObjectTagging", true, (*Service).putObjectTagging},
		{shape{get, onObject, "tagging", false}, "GetObjectTagging", true, (*Service).getObjectTagging},
		{shape{del, onObject, "tagging", false}, "DeleteObjectTagging", true, (*Service).deleteObjectTagging},

		{shape{post, onObject, "uploads", false}, "CreateMultipartUpload", true, (*Service).createMultipartUpload},
		{shape{put, onObject, "partNumber&uploadId", false}, "UploadPart", true, (*Service).uploadPart},
		{shape{put, onObject, "partNumber&uploadId", true}, "UploadPartCopy", true, (*Service).uploadPartCopy},
		{shape{post, onObject, "uploadId", false}, "CompleteMultipartUpload", true, (*Service).completeMultipartUpload},
		{shape{del, onObject, "uploadId", false}, "AbortMultipartUpload", true, (*Service).abortMultipartUpload},
		{shape{get, onObject, "uploadId", false}, "ListParts", true, (*Service).listParts},
	}
}
