package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// policyLetsThrough asks for what a fresh organization's session does, and finds out what
// is in its way.
func policyLetsThrough(o Observation) ([]Finding, error) {
	policy, err := o.policyOfBucket()
	if err != nil {
		return nil, err
	}
	in := o.Installation
	found := causes(scene{policy: policy}, bucketPath(in), bucketRepairs(in))
	return append(found, staleBeside(found, policy, "bucket-policy-stale-principal", "the bucket policy", putBucketPolicy(in))...), nil
}

// bucketPath is all that the engines ask of the bucket's side.
func bucketPath(in tenancy.Installation) []trial {
	t := fresh(in)
	var trials []trial
	add := func(what, action, key string, with iam.Context) {
		ask := bucketAsk{by: organization(in, t), action: action, key: key, through: t.APARN(), with: with}
		trials = append(trials, trial{what, func(s scene) iam.Decision { return ask.decide(in, s.policy, s.keys) }})
	}
	add("store an artifact", "s3:PutObject", artifact(t), write())
	// Starting an upload and sending its parts make no object (facts AWS §7.2).
	add("begin an upload in parts", "s3:PutObject", artifact(t), keys("s3:ObjectCreationOperation", "false"))
	add("read an artifact", "s3:GetObject", artifact(t), nil)
	add("abort an upload in parts", "s3:AbortMultipartUpload", artifact(t), nil)
	add("list the parts of an upload", "s3:ListMultipartUploadParts", artifact(t), nil)
	add("look whether an artifact exists", "s3:ListBucket", "", keys("s3:prefix", artifact(t)))
	return trials
}

// bucketRepairs undo what is known to stand in the way, the root of it first.
func bucketRepairs(in tenancy.Installation) []repair {
	say := func(code, what, consequence string) func([]string, string) Finding {
		return func(evidence []string, refused string) Finding {
			return Finding{
				Code: code, Status: Failed, What: what, Evidence: strings.Join(evidence, "; "),
				Consequence: fmt.Sprintf(consequence, refused), Fix: putBucketPolicy(in),
			}
		}
	}
	return []repair{
		{olderLanguage, say("bucket-policy-version",
			"the bucket policy is in an older version of the language, without variables",
			"the tag of a session stands for nothing there: no organization can %s")},
		{staleIn(&iam.Principals{Any: true}), say("bucket-policy-stale-principal",
			"the bucket policy names a role or user that exists no more by its unique id",
			"AWS does not know a role that was made again under its old name: no organization can %s")},
		accessPointPattern(in, "bucket-policy-region", "the bucket policy lets access points of another Region or partition through, and not those that are created", inAnotherPlace),
		accessPointPattern(in, "bucket-policy-account", "the bucket policy lets access points of another account through, and not those that are created", inAnotherAccount),
		accessPointPattern(in, "bucket-policy-prefix", "the bucket policy lets other access points through than those that are created, whose names begin with "+in.APPrefix, nil),
		{accessPointAccount(in), say("bucket-policy-account",
			"the bucket policy names another account than the one that the access points are in",
			"no organization can %s")},
		{roleDelegation(in), say("bucket-policy-delegation-role",
			"the bucket policy lets the base role through access points, where it has to let everybody",
			"what a role is granted, its session policy limits, and that knows access points only (not the bucket): no organization can %s")},
		{defaultEncryption, say("bucket-policy-default-encryption",
			"the bucket policy denies writes that leave the encryption to the bucket",
			"the engines name no encryption and no key, for the bucket's default is right: no organization can %s")},
		{overwriteOfParts, say("bucket-policy-uploads-in-parts",
			"the bucket policy denies unconditional writes that make no object yet",
			"no organization can %s")},
		networkLimits(in),
		{overWideDeny(bucketPath(in)), say("bucket-policy-deny",
			"the bucket policy denies what organizations do through their access points",
			"no organization can %s")},
		{missingDelegation(in), say("bucket-policy-delegation",
			"the bucket policy does not delegate to the access points",
			"both the access point's policy and the bucket's have to allow: no organization can %s")},
	}
}

// accessPointPattern is the mistake that the guide warns of: the access points that we
// create are not those that the bucket policy lets through.
func accessPointPattern(in tenancy.Installation, code, what string, wrong func(tenancy.Installation, []string) bool) repair {
	name := fresh(in).APARN()
	mistaken := correction{key: "s3:DataAccessPointArn", want: name, values: []string{in.APARNPattern()}}
	if wrong != nil {
		mistaken.about = func(c iam.Condition) bool {
			parts := strings.SplitN(c.Values[0], ":", 6)
			return len(parts) == 6 && wrong(in, parts)
		}
	}
	return repair{
		undo: func(s scene) (scene, []string) {
			policy, found := mistaken.in(s.policy)
			return scene{policy, s.keys}, found
		},
		finding: func(evidence []string, refused string) Finding {
			fix := putBucketPolicy(in)
			fix.Text += "; or, if the policy is right and the configuration is wrong, correct region, accountId or apPrefix under backend.managedCas"
			return Finding{
				Code: code, Status: Failed, What: what,
				Evidence:    fmt.Sprintf("%s; an access point that would be created: %s", strings.Join(evidence, "; "), name),
				Consequence: fmt.Sprintf("no organization can %s: AWS answers AccessDenied", refused),
				Fix:         fix,
			}
		},
	}
}

// inAnotherPlace is about the parts of an ARN. One with a wildcard is in every place.
func inAnotherPlace(in tenancy.Installation, arn []string) bool {
	return fixedAndNot(arn[1], in.Partition) || fixedAndNot(arn[3], in.Region)
}

func inAnotherAccount(in tenancy.Installation, arn []string) bool {
	return fixedAndNot(arn[4], in.AccountID)
}

func fixedAndNot(part, want string) bool { return part != want && !strings.ContainsAny(part, "*?$") }

func accessPointAccount(in tenancy.Installation) func(scene) (scene, []string) {
	return func(s scene) (scene, []string) {
		var found []string
		for _, key := range []string{"s3:DataAccessPointAccount", "s3:ResourceAccount", "aws:ResourceAccount", "aws:PrincipalAccount"} {
			policy, here := correction{key: key, want: in.AccountID, values: []string{in.AccountID}}.in(s.policy)
			s.policy, found = policy, append(found, here...)
		}
		return s, found
	}
}

// roleDelegation: a grant to a role is limited by its sessions' policies (facts AWS §2.3).
func roleDelegation(in tenancy.Installation) func(scene) (scene, []string) {
	return func(s scene) (scene, []string) {
		var found []string
		s.policy = edited(s.policy, func(i int, st *iam.Statement) {
			if p := st.Principals; st.Effect == iam.Allow && p != nil && (slices.Contains(p.AWS, in.BaseRoleARN()) || slices.Contains(p.AWS, in.RootARN()) || slices.Contains(p.AWS, in.AccountID)) {
				found = append(found, fmt.Sprintf("%s: Principal %s", place(i, *st), strings.Join(p.AWS, ", ")))
				st.Principals = &iam.Principals{Any: true}
			}
		})
		return s, found
	}
}

func missingDelegation(in tenancy.Installation) func(scene) (scene, []string) {
	return func(s scene) (scene, []string) {
		grants := without(in.BucketPolicy(), func(_ int, st iam.Statement) bool { return st.Effect != iam.Allow })
		s.policy = &iam.Document{Version: iam.Version2012, Statements: slices.Concat(s.policy.Statements, grants.Statements)}
		return s, []string{"no statement of the bucket policy allows it for " + fresh(in).APARN()}
	}
}
