// Package s3policy refuses the bucket and access point policies that S3 refuses: a
// policy whose mistyped Deny protects nothing must not be stored in silence.
//
// It looks at what the grammar of policies cannot see: whether S3 has the actions
// and condition keys that a statement names, and whether they go together.
package s3policy

import (
	"net/http"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/iam"
)

// CheckBucket says why S3 refuses doc as the policy of the bucket arn, with the text
// of AWS first and the culprit behind it. It returns nil for a policy that S3 takes.
func CheckBucket(doc *iam.Document, arn string) error {
	return check(doc, arn, func(r string) (resources, bool) {
		switch {
		case r == arn:
			return bucket, true
		case strings.HasPrefix(r, arn+"/"):
			return object, true
		}
		return 0, false
	})
}

// CheckAccessPoint is CheckBucket for the policy of the access point arn, whose
// objects are behind "/object/" and nowhere else
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-policies.html).
func CheckAccessPoint(doc *iam.Document, arn string) error {
	return check(doc, arn, func(r string) (resources, bool) {
		switch {
		case r == arn:
			return accessPoint, true
		case strings.HasPrefix(r, arn+"/object/"):
			return accessPointObject, true
		}
		return 0, false
	})
}

// check judges doc with typeOf, which knows the resources that the policy may name.
func check(doc *iam.Document, arn string, typeOf func(string) (resources, bool)) error {
	for i, st := range doc.Statements {
		for _, r := range slices.Concat(st.Resources, st.NotResources) {
			if _, ok := typeOf(r); !ok {
				return malformed("Policy has invalid resource: statement %d names %q, which is not part of %s.", i+1, r, arn)
			}
		}
		if err := checkActions(i+1, st); err != nil {
			return err
		}
		// What NotResource and NotAction leave over is almost everything: their own
		// entries are judged, but not how the rest fits together.
		on := everywhere
		if len(st.NotResources) == 0 {
			on = elsewhere
			for _, r := range st.Resources {
				t, _ := typeOf(r)
				on |= t
			}
		}
		if err := checkFit(i+1, st, on); err != nil {
			return err
		}
	}
	return nil
}

// checkActions refuses actions that S3 does not have, and patterns that match none.
func checkActions(n int, st iam.Statement) error {
	for _, pattern := range slices.Concat(st.Actions, st.NotActions) {
		if !slices.ContainsFunc(actions, func(a action) bool { return a.matches(pattern) }) {
			return malformed("Policy has invalid action: statement %d names %q, which S3 does not have.", n, pattern)
		}
	}
	return nil
}

// checkFit refuses an action without a resource, and a condition key without an action.
//
// A pattern of actions has what one of its actions has: s3:ListBucket* goes with
// s3:prefix, although ListBucketMultipartUploads does not. That every entry needs the
// key, not just any of them, shows in https://github.com/humanmade/S3-Uploads/issues/239.
func checkFit(n int, st iam.Statement, on resources) error {
	for _, pattern := range st.Actions {
		if !slices.ContainsFunc(actions, func(a action) bool { return a.matches(pattern) && a.fits(on) }) {
			return malformed("Action does not apply to any resource(s) in statement: statement %d, %q.", n, pattern)
		}
	}
	for _, c := range st.Conditions {
		k, ok := lookUp(c.Key)
		if !ok {
			return malformed("Policy has an invalid condition key: statement %d names %q.", n, c.Key)
		}
		for _, pattern := range st.Actions {
			if !slices.ContainsFunc(actions, func(a action) bool { return a.matches(pattern) && a.fits(on) && k.appliesTo(a) }) {
				return malformed("Conditions do not apply to combination of actions and resources in statement: statement %d, %q has no %q.", n, pattern, c.Key)
			}
		}
	}
	return nil
}

func malformed(format string, args ...any) error {
	return api.Errorf(http.StatusBadRequest, "MalformedPolicy", format, args...)
}
