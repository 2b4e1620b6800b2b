package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// guarded returns the policy with one condition more in every Deny that has a condition
// on one of the keys, and where that was.
func guarded(s scene, about func(key string) bool, guard func(key string) iam.Condition) (scene, []string) {
	var found []string
	s.policy = edited(s.policy, func(i int, st *iam.Statement) {
		if st.Effect != iam.Deny {
			return
		}
		for _, c := range st.Conditions {
			if about(strings.ToLower(c.Key)) {
				found = append(found, fmt.Sprintf("%s: Deny with %s %s", place(i, *st), c.Operator, c.Key))
				st.Conditions = append(st.Conditions, guard(c.Key))
			}
		}
	})
	return s, found
}

// defaultEncryption: a request that leaves the encryption to the bucket does not have the
// condition keys, and a negated operator holds for a key that is not there (facts AWS §6.3).
func defaultEncryption(s scene) (scene, []string) {
	return guarded(s,
		func(key string) bool { return strings.HasPrefix(key, "s3:x-amz-server-side-encryption") },
		func(key string) iam.Condition {
			return iam.Condition{Operator: "Null", Key: key, Values: []string{"false"}}
		})
}

// overwriteOfParts: only requests that make an object can be conditional.
func overwriteOfParts(s scene) (scene, []string) {
	return guarded(s,
		func(key string) bool { return key == "s3:if-none-match" },
		func(string) iam.Condition {
			return iam.Condition{Operator: "Bool", Key: "s3:ObjectCreationOperation", Values: []string{"true"}}
		})
}

// overWideDeny drops the Deny statements that stand in the way.
func overWideDeny(path []trial) func(scene) (scene, []string) {
	return func(s scene) (scene, []string) {
		denying := map[int]bool{}
		for _, t := range path {
			for _, reason := range t.decide(s).Because {
				if reason.Effect == iam.Deny {
					denying[reason.Statement] = true
				}
			}
		}
		var found []string
		for i, st := range s.policy.Statements {
			if denying[i] {
				found = append(found, fmt.Sprintf("%s denies %s", place(i, st), listed(slices.Concat(st.Actions, st.NotActions))))
			}
		}
		s.policy = without(s.policy, func(i int, _ iam.Statement) bool { return denying[i] })
		return s, found
	}
}

// networkLimits gives requests the network, or the AWS organization, that conditions ask
// for. From where the workloads come is not seen here, so it is no more than a warning.
func networkLimits(in tenancy.Installation) repair {
	return repair{
		undo: func(s scene) (scene, []string) {
			var found []string
			more := iam.Context{}
			for i, st := range s.policy.Statements {
				for _, c := range st.Conditions {
					switch strings.ToLower(c.Key) {
					case "aws:sourcevpc", "aws:sourcevpce", "aws:sourceip", "aws:vpcsourceip", "aws:principalorgid", "aws:principalorgpaths":
						more.Set(c.Key, strings.Split(c.Values[0], "/")[0])
						found = append(found, fmt.Sprintf("%s: %s %s %s", place(i, st), c.Operator, c.Key, strings.Join(c.Values, ", ")))
					}
				}
			}
			return scene{s.policy, more}, found
		},
		finding: func(evidence []string, refused string) Finding {
			f := Finding{
				Code: "bucket-policy-network", Status: Warning,
				What:        "the bucket policy lets organizations through from one network only",
				Evidence:    strings.Join(evidence, "; "),
				Consequence: fmt.Sprintf("from anywhere else no organization can %s; from where the workloads come was not seen", refused),
				Fix:         putBucketPolicy(in),
			}
			if strings.Contains(strings.ToLower(f.Evidence), "aws:principalorg") {
				f.What = "the bucket policy lets organizations through in one AWS organization only, or from one network"
				f.Consequence = fmt.Sprintf("elsewhere no organization can %s; whether this account is in it was not seen", refused)
			}
			f.Fix.Text += "; or leave it, if the canary in the backend's pod gets through"
			return f
		},
	}
}
