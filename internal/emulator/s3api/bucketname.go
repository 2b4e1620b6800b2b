package s3api

import (
	"net/netip"
	"regexp"
	"strings"
)

// bucketName is the form of a name; what is reserved comes on top:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html.
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// checkBucketName applies AWS's rules for new buckets and one more: a name that ends
// like an access point's host label, in "-" and 12 digits, could not be told from
// one (facts clients §1).
func checkBucketName(name string) error {
	reserved := []func(string) bool{
		func(n string) bool { return strings.Contains(n, "..") },
		func(n string) bool { _, err := netip.ParseAddr(n); return err == nil },
		hasPrefix("xn--"), hasPrefix("sthree-"), hasPrefix("amzn-s3-demo-"),
		hasSuffix(aliasSuffix), hasSuffix("--ol-s3"), hasSuffix(".mrap"), hasSuffix("--x-s3"), hasSuffix("--table-s3"),
		endsLikeAccessPoint,
	}
	if !bucketName.MatchString(name) {
		return invalidBucketName(name)
	}
	for _, is := range reserved {
		if is(name) {
			return invalidBucketName(name)
		}
	}
	return nil
}

func hasPrefix(p string) func(string) bool {
	return func(s string) bool { return strings.HasPrefix(s, p) }
}

func hasSuffix(p string) func(string) bool {
	return func(s string) bool { return strings.HasSuffix(s, p) }
}
