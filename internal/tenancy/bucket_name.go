package tenancy

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
)

var (
	bucketForm = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*[a-z0-9]$`)
	// AWS has hosts of their own for access points. The embedded AWS has one port for all, where
	// a bucket of the form of their host names, <name>-<account>, could not be told from one.
	accountSuffix = regexp.MustCompile(`-[0-9]{12}$`)
)

// checkBucketName applies the naming rules of general purpose buckets:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html.
func checkBucketName(name string) error {
	switch {
	case len(name) < 3 || len(name) > 63:
		return fmt.Errorf("bucket name %q has %d characters: want 3 to 63", name, len(name))
	case !bucketForm.MatchString(name) || strings.Contains(name, ".."):
		return fmt.Errorf("bucket name %q: use lowercase letters, digits, hyphens and single inner dots, and begin and end with a letter or digit", name)
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return fmt.Errorf("bucket name %q is formatted as an IP address", name)
	}
	for _, prefix := range []string{"xn--", "sthree-", "amzn-s3-demo-"} {
		if strings.HasPrefix(name, prefix) {
			return fmt.Errorf("bucket name %q: AWS reserves the prefix %s", name, prefix)
		}
	}
	for _, suffix := range []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"} {
		if strings.HasSuffix(name, suffix) {
			return fmt.Errorf("bucket name %q: AWS reserves the suffix %s", name, suffix)
		}
	}
	return nil
}

func (in Installation) checkBucket() error {
	if in.Loopback && accountSuffix.MatchString(in.BucketName) {
		return fmt.Errorf("bucket name %q ends in a hyphen and 12 digits, as the host names of access points do: AWS takes it, the embedded AWS cannot; choose another there", in.BucketName)
	}
	return checkBucketName(in.BucketName)
}

// CheckBucketName refuses what cannot be the name of a general purpose bucket.
func CheckBucketName(name string) error { return checkBucketName(name) }
