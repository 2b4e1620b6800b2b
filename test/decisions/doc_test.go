// Package decisions_test holds the embedded AWS to the authorization rules of AWS
// with real requests: AWS's own SDK, signed, over TLS, to the host names that AWS
// uses. The policies are written out here, after AWS's documentation, and not taken
// from the packages that make ours: the judge must not be judged by its own scheme.
//
// The rows are numbered as in facts AWS §3.5. A row fails when the answer, the
// statements that decided, or the context in which they decided are not AWS's.
package decisions_test
