package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// abortUploads is the rule that managedcasd provision makes.
const abortUploads = `{"ID":"managedcas-abort-incomplete-uploads","Status":"Enabled","Filter":{"Prefix":""},"AbortIncompleteMultipartUpload":{"DaysAfterInitiation":7}}`

// lifecycle is about rules that delete artifacts, and one that must be there.
func lifecycle(o Observation) ([]Finding, error) {
	if o.Lifecycle.Err != nil {
		return nil, o.Lifecycle.Err
	}
	bucket, rules := o.Installation.BucketName, o.Lifecycle.Value
	fix := lifecycleFix(o.Installation, rules)
	var found []Finding
	for _, rule := range rules {
		switch {
		case deletesArtifacts(o.Installation, rule):
			found = append(found, Finding{
				Code: "bucket-lifecycle-expires", Status: Failed,
				What:        fmt.Sprintf("a lifecycle rule of bucket %s deletes artifacts", bucket),
				Evidence:    "s3:GetLifecycleConfiguration: " + string(rule.Text),
				Consequence: "artifacts of organizations that use them disappear; no policy is in the way of the lifecycle",
				Fix:         fix,
			})
		case archives(rule):
			found = append(found, Finding{
				Code: "bucket-lifecycle-archives", Status: Failed,
				What:        fmt.Sprintf("a lifecycle rule of bucket %s archives artifacts", bucket),
				Evidence:    "s3:GetLifecycleConfiguration: " + string(rule.Text),
				Consequence: "S3 refuses to read what is archived (InvalidObjectState) until somebody restores it, object by object",
				Fix:         fix,
			})
		}
	}
	if cloud.UploadDays(rules) == 0 {
		found = append(found, Finding{
			Code: "bucket-lifecycle-uploads", Status: Warning,
			What:        fmt.Sprintf("no lifecycle rule of bucket %s removes unfinished uploads", bucket),
			Evidence:    fmt.Sprintf("s3:GetLifecycleConfiguration: %d rules, none with AbortIncompleteMultipartUpload for all of the bucket", len(rules)),
			Consequence: "parts of uploads that were given up are stored and paid for, for ever, and nobody sees them",
			Fix:         fix,
		})
	}
	return found, nil
}

// deletesArtifacts reports whether a rule expires current objects of an organization that
// is not being purged. docs/deletion.md has the rule of one that is, and nobody's are a canary's.
func deletesArtifacts(in tenancy.Installation, rule cloud.LifecycleRule) bool {
	if !rule.Enabled || !rule.Expires {
		return false
	}
	if strings.HasPrefix(rule.Prefix, org.CanaryPrefix) {
		return false // what canaries leave: docs/doctor.md has the rule
	}
	id, err := org.ParseID(strings.TrimPrefix(rule.ID, "purge-"))
	purges := err == nil && !id.IsZero() && strings.HasPrefix(rule.ID, "purge-") && rule.Prefix == in.Tenant(id).KeyPrefix()
	return !purges
}

// archives reports whether a rule moves objects to where they cannot be read at once.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html
func archives(rule cloud.LifecycleRule) bool {
	return rule.Enabled && slices.ContainsFunc(rule.Classes, func(class string) bool {
		return class == "GLACIER" || class == "DEEP_ARCHIVE"
	})
}

// lifecycleFix keeps all other rules: S3 can only replace all at once.
func lifecycleFix(in tenancy.Installation, rules []cloud.LifecycleRule) Fix {
	var kept []string
	for _, rule := range rules {
		if !deletesArtifacts(in, rule) && !archives(rule) {
			kept = append(kept, string(rule.Text))
		}
	}
	if cloud.UploadDays(rules) == 0 {
		kept = append(kept, abortUploads)
	}
	if len(kept) == 0 { // S3 takes no empty list
		kept = []string{abortUploads}
	}
	return Fix{
		Text: "replace the lifecycle rules by those that may stay, with one that removes unfinished uploads",
		Commands: []string{"aws s3api put-bucket-lifecycle-configuration --bucket " + in.BucketName +
			" --lifecycle-configuration " + quoted(`{"Rules":[`+strings.Join(kept, ",")+`]}`)},
	}
}
