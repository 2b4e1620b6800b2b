package cloud

import "encoding/json"

// BucketOwnerEnforced is the object ownership of a bucket without ACLs.
const BucketOwnerEnforced = "BucketOwnerEnforced"

// LifecycleRule is one rule of a bucket's lifecycle.
type LifecycleRule struct {
	ID      string
	Enabled bool
	Prefix  string // of the keys that it is about; empty: the whole bucket
	// Narrowed: tags or sizes say which of these it is about.
	Narrowed bool
	// Expires: it deletes current objects, or hides them in a bucket with versions.
	Expires bool
	// Classes are the storage classes that it moves current objects to.
	Classes []string
	// UploadDays: it removes unfinished multipart uploads after so many days; 0: it does not.
	UploadDays int
	Text       json.RawMessage // as the API and the aws command line write it
}

// UploadDays is after how many days unfinished uploads of the whole bucket are removed,
// by whatever rule; 0: never.
func UploadDays(rules []LifecycleRule) int {
	days := 0
	for _, rule := range rules {
		if n := rule.UploadDays; n > 0 && rule.Enabled && rule.Prefix == "" && !rule.Narrowed && (days == 0 || n < days) {
			days = n
		}
	}
	return days
}
