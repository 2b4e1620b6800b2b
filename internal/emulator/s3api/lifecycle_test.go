package s3api

import "testing"

// Rules that contradict themselves. Sources:
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRuleFilter.html (a filter
// has one predicate, And two or more) and …/API_LifecycleExpiration.html (a marker is not
// combined with a time).
func TestLifecycleRules(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const days = "<Expiration><Days>1</Days></Expiration>"
	const tag = "<Tag><Key>a</Key><Value>b</Value></Tag>"
	for _, tc := range []struct{ filter, actions, code string }{
		{"<Filter/>", days, ""},
		{"<Filter><Prefix>a/</Prefix></Filter>", days, ""},
		{"<Filter><Prefix>a/</Prefix>" + tag + "</Filter>", days, "MalformedXML"},
		{"<Filter>" + tag + "<ObjectSizeLessThan>9</ObjectSizeLessThan></Filter>", days, "MalformedXML"},
		{"<Filter><Prefix>a/</Prefix><And><Prefix>a/</Prefix>" + tag + "</And></Filter>", days, "MalformedXML"},
		{"<Filter><And><Prefix>a/</Prefix>" + tag + "</And></Filter>", days, ""},
		{"<Filter><And>" + tag + "<Tag><Key>b</Key><Value>c</Value></Tag></And></Filter>", days, ""},
		{"<Filter><And><ObjectSizeGreaterThan>1</ObjectSizeGreaterThan><ObjectSizeLessThan>9</ObjectSizeLessThan></And></Filter>", days, ""},
		{"<Filter><And><Prefix>a/</Prefix></And></Filter>", days, "MalformedXML"},
		{"<Filter><And><Prefix>a/</Prefix>" + tag + "<Suffix>z</Suffix></And></Filter>", days, "NotImplemented"},
		{"<Filter/>", "<Expiration/>", "MalformedXML"},
		{"<Filter/>", "<Expiration><Days>1</Days><Date>2030-01-01T00:00:00Z</Date></Expiration>", "MalformedXML"},
		{"<Filter/>", "<Expiration><Days>1</Days><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>", "MalformedXML"},
		{"<Filter/>", "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>", ""},
		{"<Filter/>", "<Expiration><Days>0</Days></Expiration>", "InvalidArgument"},
		{"<Filter/>", "<NoncurrentVersionExpiration><NoncurrentDays>0</NoncurrentDays></NoncurrentVersionExpiration>", "InvalidArgument"},
		{"<Filter/>", "<AbortIncompleteMultipartUpload><DaysAfterInitiation>9223372036854775807</DaysAfterInitiation></AbortIncompleteMultipartUpload>", "MalformedXML"},
	} {
		got := w.put(w.root, "/shared?lifecycle", "<LifecycleConfiguration><Rule><Status>Enabled</Status>"+tc.filter+tc.actions+"</Rule></LifecycleConfiguration>")
		if got.Code != tc.code {
			t.Errorf("%s %s: got %d %q, want %q", tc.filter, tc.actions, got.Status, got.Code, tc.code)
		}
	}
}
