package s3api

import "strings"

// unimplemented names the operations of S3 that are not here, so that a request for
// one is refused by name and not served as another (DESIGN I9). The list follows
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html;
// directory buckets and Object Lambda have addresses of their own.
func unimplemented() []operation {
	const table = `
		bucket PUT    abac                 PutBucketAbac
		bucket GET    abac                 GetBucketAbac
		bucket PUT    accelerate           PutBucketAccelerateConfiguration
		bucket PUT    analytics            PutBucketAnalyticsConfiguration
		bucket GET    analytics            GetBucketAnalyticsConfiguration
		bucket DELETE analytics            DeleteBucketAnalyticsConfiguration
		bucket PUT    cors                 PutBucketCors
		bucket PUT    intelligent-tiering  PutBucketIntelligentTieringConfiguration
		bucket GET    intelligent-tiering  GetBucketIntelligentTieringConfiguration
		bucket DELETE intelligent-tiering  DeleteBucketIntelligentTieringConfiguration
		bucket PUT    inventory            PutBucketInventoryConfiguration
		bucket GET    inventory            GetBucketInventoryConfiguration
		bucket DELETE inventory            DeleteBucketInventoryConfiguration
		bucket PUT    logging              PutBucketLogging
		bucket POST   metadataConfiguration   CreateBucketMetadataConfiguration
		bucket GET    metadataConfiguration   GetBucketMetadataConfiguration
		bucket DELETE metadataConfiguration   DeleteBucketMetadataConfiguration
		bucket POST   metadataTable        CreateBucketMetadataTableConfiguration
		bucket GET    metadataTable        GetBucketMetadataTableConfiguration
		bucket DELETE metadataTable        DeleteBucketMetadataTableConfiguration
		bucket PUT    metadataInventoryTable  UpdateBucketMetadataInventoryTableConfiguration
		bucket PUT    metadataJournalTable    UpdateBucketMetadataJournalTableConfiguration
		bucket PUT    metrics              PutBucketMetricsConfiguration
		bucket GET    metrics              GetBucketMetricsConfiguration
		bucket DELETE metrics              DeleteBucketMetricsConfiguration
		bucket PUT    notification         PutBucketNotificationConfiguration
		bucket PUT    object-lock          PutObjectLockConfiguration
		bucket PUT    replication          PutBucketReplication
		bucket PUT    requestPayment       PutBucketRequestPayment
		bucket GET    session              CreateSession
		bucket PUT    website              PutBucketWebsite
		bucket POST   -                    PostObject
		object PUT    encryption           UpdateObjectEncryption
		object GET    legal-hold           GetObjectLegalHold
		object PUT    legal-hold           PutObjectLegalHold
		object PUT    renameObject         RenameObject
		object POST   restore              RestoreObject
		object GET    retention            GetObjectRetention
		object PUT    retention            PutObjectRetention
		object POST   select&select-type   SelectObjectContent
		object GET    torrent              GetObjectTorrent`
	var ops []operation
	for line := range strings.Lines(strings.TrimSpace(table)) {
		f := strings.Fields(line)
		lv := onBucket
		if f[0] == "object" {
			lv = onObject
		}
		ops = append(ops, operation{shape: shape{f[1], lv, strings.TrimPrefix(f[2], "-"), false}, name: f[3]})
	}
	return ops
}
