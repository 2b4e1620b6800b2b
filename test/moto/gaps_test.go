package moto

import (
	"slices"
	"testing"
)

// known are the gaps of moto 5.2.1, by the test that meets them, and what AWS does there.
// When moto has closed one the test says so.
var known = map[string]map[string]string{
	"provision": {
		"encrypt bucket artifacts with the KMS key by default": "S3 keeps BlockedEncryptionTypes and tells it (API reference, ServerSideEncryptionRule); moto drops it, so SSE-C seems allowed",
	},
	"clients": {
		"an access point has an ARN in its Region":       "CreateAccessPoint answers with the ARN in the Region that was asked; moto has us-east-1 in each",
		"bytes that are not those of the checksum":       "S3 answers 400 BadDigest; moto stores them",
		"objects of a bucket with our policy":            "S3 evaluates conditions; moto does not, and each of our denials denies everything",
		"its checksum is S3's":                           "S3 keeps a checksum that is sent as x-amz-checksum-sha256; moto only with x-amz-sdk-checksum-algorithm beside it, which AWS does not ask for (API reference, PutObject)",
		"a presigned URL has a browser save the content": "GetObject answers with response-content-disposition as Content-Disposition (API reference); moto ignores the parameter",
		"an upload that was aborted is gone":             "UploadPart answers 404 NoSuchUpload; moto 500 with a traceback",
		"a key that is deleted by its ARN":               "ScheduleKeyDeletion takes the id or the ARN of a key (API reference); moto answers 500 to an ARN",
	},
}

// onlyGaps wants nothing to have failed but what moto is known to lack. Another version may
// lack less, which is told and is no mistake of ours.
func onlyGaps(t *testing.T, test string, failed []string) {
	t.Helper()
	for _, what := range failed {
		if _, gap := known[test][what]; !gap {
			t.Errorf("a wire mistake of ours, or a gap of this version of moto that is not known: %s", what)
		}
	}
	for what := range known[test] {
		if !slices.Contains(failed, what) {
			t.Logf("moto has closed a gap: %s", what)
		}
	}
}
