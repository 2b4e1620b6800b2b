package s3api

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// ofSignature are the query parameters of a presigned URL that authenticate it
// (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html).
var ofSignature = [...]string{"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-signedheaders", "x-amz-signature", "x-amz-security-token", "x-amz-content-sha256"}

// promote returns a presigned request with the headers that its signer moved to the
// query, as SDKs do. The signature covers them there, and ignoring one would drop
// what the signer demanded, such as a checksum. A header that was sent stays. The query
// may have one header in two spellings: it then has both values, in the same order always.
func promote(r *http.Request) *http.Request {
	promoted, moved := r, http.Header{}
	query := r.URL.Query()
	for _, name := range slices.Sorted(maps.Keys(query)) {
		lower := strings.ToLower(name)
		if !strings.HasPrefix(lower, "x-amz-") || isOfSignature(lower) || r.Header.Get(name) != "" {
			continue
		}
		if promoted == r {
			promoted = r.Clone(r.Context())
		}
		at := http.CanonicalHeaderKey(name)
		moved[at] = append(moved[at], query[name]...)
		promoted.Header[at] = moved[at]
	}
	return promoted
}

func isOfSignature(lower string) bool { return slices.Contains(ofSignature[:], lower) }
