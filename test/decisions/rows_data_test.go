package decisions_test

import "github.com/managedcas/managedcas/internal/iam"

// ownObject is what allows SA its own object in the base installation: the access
// point names the role, so the session policy still counts and the identity policy
// need not (facts AWS §3.2); the bucket delegates; the key leaves it to IAM.
var ownObject = []string{"P0Own", "S0Blobs", "B0Delegate", "K0Account", "I0Key", "S0Key"}

// dataRows are rows 1–7 and 27: whose object, through which access point.
func dataRows() []row {
	const via = "AWS userguide, access-points-policies: the AP and the bucket must both permit"
	own := always(allowedBy(ownObject...))
	return []row{
		{n: 1, name: "GET of the own object", why: via, want: own},
		{n: 1, name: "PUT of an own object", why: via, call: always(put(apARN(apA), "orgA/new")), want: own},
		{
			n: 2, name: "access point of B", why: "P0(B) denies every other user id",
			call: always(get(apARN(apB), "orgA/x")),
			want: always(deniedBy(iam.LayerResource, "P0Others")),
		},
		{
			n: 2, name: "access point and key of B", why: "P0(B) denies every other user id",
			call: always(get(apARN(apB), "orgB/y")),
			want: always(deniedBy(iam.LayerResource, "P0Others")),
		},
		{
			n: 3, name: "key of B through the own access point", why: "S0 and P0 are scoped to orgA/",
			call: always(get(apARN(apA), "orgB/y")),
			want: always(notAllowed(iam.LayerSession, "s3:GetObject", apARN(apA)+"/object/orgB/y")),
		},
		{
			n: 4, name: "same, no policy scoped to the prefix", why: "an access point does not partition a bucket",
			change: func(w *world, d *documents) {
				d.session.Statement[0].Resource = []string{apARN(apA) + "/object/*"}
				d.ap[apA].Statement[0].Resource = []string{apARN(apA) + "/object/*"}
			},
			call: always(get(apARN(apA), "orgB/y")),
			want: own,
		},
		{
			n: 5, name: "GET on the bucket itself", why: "an absent key makes StringNotLike true (IAM, condition operators)",
			call: always(get(bucket, "orgA/x")),
			want: always(deniedBy(iam.LayerResource, "B0Outside")),
		},
		{
			n: 5, name: "PUT on the bucket itself", why: "an absent key makes StringNotLike true (IAM, condition operators)",
			call: always(put(bucket, "orgA/x")),
			want: always(deniedBy(iam.LayerResource, "B0Outside")),
		},
		{
			n: 6, name: "no session policy passed", why: "absent restricts nothing (IAM, access_policies#policies_session)",
			actor: (*world).unscopedA,
			want:  always(allowedBy("P0Own", "B0Delegate", "K0Account", "I0Key")),
		},
		{
			n: 7, name: "no session policy passed, access point of B", why: "P0(B) denies every other user id",
			actor: (*world).unscopedA,
			call:  always(get(apARN(apB), "orgB/y")),
			want:  always(deniedBy(iam.LayerResource, "P0Others")),
		},
		{
			n: 27, name: "access point outside the prefix", why: "the ARN is not like the bucket's pattern",
			change: func(w *world, d *documents) {
				w.createAccessPoint("other-x")
				d.ap["other-x"] = policy(allow("OtherX", readWrite, apARN("other-x")+"/object/*").to(principal{"AWS": roleARN}))
			},
			call: always(get(apARN("other-x"), "orgA/x")),
			want: always(deniedBy(iam.LayerResource, "B0Outside")),
		},
	}
}

// administratorRows are rows 22–26: those who are stopped by resource policies alone.
func administratorRows() []row {
	const lockout = "a Deny of s3:* locks everybody but the root user out of the policy (S3 API, PutBucketPolicy)"
	denyAll := func(w *world, d *documents) {
		d.bucket = policy(outsideAccessPoints([]string{"s3:*"}), delegation(anyone))
	}
	rootMay := allowedBy() // needs no statement
	return []row{
		{
			n: 22, name: "administrator through the access point", why: "P0 denies everybody else",
			actor: (*world).asAdmin, want: always(deniedBy(iam.LayerResource, "P0Others")),
		},
		{
			n: 22, name: "root user through the access point", why: "a resource policy denies the root user too",
			actor: (*world).asRoot, want: always(deniedBy(iam.LayerResource, "P0Others")),
		},
		{
			n: 23, name: "administrator on the bucket itself", why: "B0 exempts nobody",
			actor: (*world).asAdmin, call: always(get(bucket, "orgA/x")),
			want: always(deniedBy(iam.LayerResource, "B0Outside")),
		},
		{
			n: 24, name: "administrator replaces the bucket policy", why: "B0 denies data actions only",
			actor: (*world).asAdmin,
			call:  func(w *world) call { return putBucketPolicy(w.base().bucket.text(w.t)) },
			want:  always(allowedBy("Administrator").answered(204, "")),
		},
		{
			n: 25, name: "same, the bucket denies s3:*", why: lockout, change: denyAll,
			actor: (*world).asAdmin,
			call:  func(w *world) call { return putBucketPolicy(w.base().bucket.text(w.t)) },
			want:  always(deniedBy(iam.LayerResource, "B0Outside")),
		},
		{
			n: 25, name: "root user reads the policy", why: lockout, change: denyAll,
			actor: (*world).asRoot, call: always(call(getBucketPolicy)),
			want: always(rootMay),
		},
		{
			n: 25, name: "root user replaces the policy", why: lockout, change: denyAll, actor: (*world).asRoot,
			call: func(w *world) call { return putBucketPolicy(w.base().bucket.text(w.t)) }, want: always(rootMay.answered(204, "")),
		},
		{
			n: 25, name: "root user deletes the policy", why: lockout, change: denyAll, actor: (*world).asRoot,
			call: always(call(deleteBucketPolicy)), want: always(rootMay.answered(204, "")),
		},
		{
			n: 25, name: "root user reads an object", why: lockout, change: denyAll, actor: (*world).asRoot,
			call: always(get(bucket, "orgA/x")), want: always(deniedBy(iam.LayerResource, "B0Outside")),
		},
		{
			n: 26, name: "anonymous", why: "no user id, so StringNotEquals is true; access points serve nobody unsigned",
			actor: (*world).asAnonymous, want: always(deniedBy(iam.LayerResource, "P0Others")),
		},
		{
			n: 26, name: "anonymous, the access point has no policy", why: "access points serve nobody unsigned",
			change: func(w *world, d *documents) { d.ap[apA] = nil },
			actor:  (*world).asAnonymous,
			want:   always(notAllowed(iam.LayerResource, "s3:GetObject", apARN(apA)+"/object/orgA/x")),
		},
	}
}
