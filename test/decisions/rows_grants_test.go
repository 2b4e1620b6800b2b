package decisions_test

import "github.com/managedcas/managedcas/internal/iam"

// namedByRows are rows 8–13 and 19: how a resource policy names the caller decides
// which other policies still count (facts AWS §3.2).
func namedByRows() []row {
	const names = "IAM userguide, policy evaluation logic and elements_principal: "
	onA := apARN(apA) + "/object/orgA/*"
	// elsewhereOnly makes S0 allow nothing here.
	elsewhereOnly := func(w *world, d *documents) {
		d.session.Statement[0].Resource = []string{apARN("cas-prod-c") + "/object/orgA/*"}
	}
	grantedTo := func(s statement) func(*world, *documents) {
		return func(w *world, d *documents) {
			elsewhereOnly(w, d)
			d.ap[apA] = policy(s)
		}
	}
	noSession := notAllowed(iam.LayerSession, "s3:GetObject", apARN(apA)+"/object/orgA/x")
	key := []string{"B0Delegate", "K0Account", "I0Key", "S0Key"}
	past := func(sid string) func(*world) outcome { return always(allowedBy(append([]string{sid}, key...)...)) }
	return []row{
		{
			n: 8, name: "session policy for another access point, P0 names the role",
			why: names + "limited by the session policy", change: elsewhereOnly, want: always(noSession),
		},
		{
			n: 9, name: "same, P0 names the session", why: names + "granted past the session policy",
			change: grantedTo(allow("ToSession", readWrite, onA).to(principal{"AWS": orgAARN})), want: past("ToSession"),
		},
		{
			n: 10, name: "same, P0 names everybody with this user id", why: names + "granted past the session policy",
			change: func(w *world, d *documents) {
				grantedTo(allow("ToUserID", readWrite, onA).to(anyone).when("StringEquals", "aws:userid", w.roleID+":orgA"))(w, d)
			},
			want: past("ToUserID"),
		},
		{
			n: 11, name: "same, P0 names the account", why: names + "delegates to the account's policies",
			change: grantedTo(allow("ToAccount", readWrite, onA).to(principal{"AWS": rootARN})), want: always(noSession),
		},
		{
			n: 12, name: "no identity policy, P0 names the role", why: "session ∩ (identity ∪ resource)",
			change: func(w *world, d *documents) { d.identity.Statement = d.identity.Statement[1:] },
			want:   always(allowedBy(ownObject...)),
		},
		{
			n: 13, name: "no identity policy and no P0", why: "nothing grants",
			change: func(w *world, d *documents) {
				d.identity.Statement = d.identity.Statement[1:]
				d.ap[apA] = nil
			},
			want: always(notAllowed(iam.LayerIdentity, "s3:GetObject", apARN(apA)+"/object/orgA/x")),
		},
		{
			n: 19, name: "session policy denies, P0 names everybody with this user id", why: "a Deny anywhere wins",
			change: func(w *world, d *documents) {
				d.ap[apA] = policy(allow("ToUserID", readWrite, onA).to(anyone).when("StringEquals", "aws:userid", w.roleID+":orgA"))
				d.session.Statement = append(d.session.Statement, deny("S0Deny", readWrite, "*"))
			},
			want: always(deniedBy(iam.LayerSession, "S0Deny", "S0Deny")), // in both contexts
		},
	}
}

// contextRows are rows 14–18, 20, 21, 30, 39, 40 and 45: the two contexts of a
// request through an access point (facts AWS §2.3).
func contextRows() []row {
	const both = "AWS userguide, access-points-policies: the bucket must allow as well"
	object := apARN(apA) + "/object/orgA/x"
	noPolicies := func(w *world, d *documents) { d.ap[apA], d.bucket = nil, nil }
	// also adds a statement to the identity and the session policy.
	also := func(d *documents, actions []string, resources ...string) {
		d.identity.Statement = append(d.identity.Statement, allow("I0More", actions, resources...))
		d.session.Statement = append(d.session.Statement, allow("S0More", actions, resources...))
	}
	only := func(d *documents, resource string) {
		d.ap[apA] = nil
		d.identity.Statement[0].Resource = []string{resource}
		d.session.Statement[0].Resource = []string{resource}
	}
	key := []string{"K0Account", "I0Key", "S0Key"}
	return []row{
		{
			n: 14, name: "no P0, the bucket delegates", why: both,
			change: func(w *world, d *documents) { d.ap[apA] = nil },
			want:   always(allowedBy(append([]string{"I0Blobs", "S0Blobs", "B0Delegate"}, key...)...)),
		},
		{
			n: 15, name: "neither P0 nor B0", why: both, change: noPolicies,
			want: always(notAllowed(iam.LayerIdentity, "s3:GetObject", bucketARN+"/orgA/x")),
		},
		{
			n: 16, name: "same, identity and session policy allow the bucket's ARN too", why: both,
			change: func(w *world, d *documents) { noPolicies(w, d); also(d, readWrite, bucketARN+"/*") },
			want:   always(allowedBy(append([]string{"I0Blobs", "S0Blobs", "I0More", "S0More"}, key...)...)),
		},
		{
			n: 17, name: "identity and session policy have the bucket's ARN only", why: "the first context sees the AP's ARN",
			change: func(w *world, d *documents) { only(d, bucketARN+"/*") },
			want:   always(notAllowed(iam.LayerIdentity, "s3:GetObject", object)),
		},
		{
			n: 18, name: "identity and session policy have the alias only", why: "AWS userguide, access-points-alias: not in policies",
			change: func(w *world, d *documents) { only(d, "arn:aws:s3:::"+w.alias(apA)+"/*") },
			call:   func(w *world) call { return get(w.alias(apA), "orgA/x") },
			want:   always(notAllowed(iam.LayerIdentity, "s3:GetObject", object)),
		},
		{
			n: 20, name: "identity policy denies the bucket's ARN", why: "the second context sees it",
			change: func(w *world, d *documents) {
				d.identity.Statement = append(d.identity.Statement, deny("I0Deny", readWrite, bucketARN+"/*"))
			},
			want: always(deniedBy(iam.LayerIdentity, "I0Deny")),
		},
		{
			n: 21, name: "the bucket delegates to the role by name", why: "limited by the session policy, which has no bucket ARN",
			change: func(w *world, d *documents) { d.bucket.Statement[1] = delegation(principal{"AWS": roleARN}) },
			want:   always(notAllowed(iam.LayerSession, "s3:GetObject", bucketARN+"/orgA/x")),
		},
		{
			n: 30, name: "access point of a VPC, from outside", why: "refused whatever the policies say",
			change: func(w *world, d *documents) {
				w.createAccessPoint("cas-prod-v", inVPC)
				d.ap["cas-prod-v"] = policy(w.ownSession("cas-prod-v", "orgA"))
				d.session.Statement[0].Resource = append(d.session.Statement[0].Resource, apARN("cas-prod-v")+"/object/orgA/*")
			},
			call: always(get(apARN("cas-prod-v"), "orgA/x")),
			want: always(allowedBy("P0Own", "S0Blobs", "B0Delegate").answered(403, "AccessDenied")),
		},
		{
			n: 39, name: "PUT with tags, without s3:PutObjectTagging", why: "S3 API, PutObject: x-amz-tagging needs the permission",
			call: always(put(apARN(apA), "orgA/new", tagged)),
			want: always(notAllowed(iam.LayerIdentity, "s3:PutObjectTagging", apARN(apA)+"/object/orgA/new")),
		},
		{
			n: 40, name: "copy from another bucket", why: "S3 API, CopyObject: needs GetObject on the source, in its own context",
			call: always(copyFrom("elsewhere/orgA/x", apARN(apA), "orgA/copy")), want: always(notAllowed(iam.LayerIdentity, "s3:GetObject", "arn:aws:s3:::elsewhere/orgA/x")),
		},
		{
			n: 45, name: "identity and resource policy deny", why: "a Deny anywhere wins; AWS names either",
			change: func(w *world, d *documents) {
				d.identity.Statement = append(d.identity.Statement, deny("I0Deny", readWrite, apARN(apB)+"/object/*"))
			},
			call: always(get(apARN(apB), "orgB/y")),
			want: always(deniedBy("", "P0Others", "I0Deny")),
		},
	}
}
