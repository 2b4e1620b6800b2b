package decisions_test

import "github.com/managedcas/managedcas/internal/iam"

// keyRows are rows 32–35: KMS is asked on behalf of the caller of S3 (facts AWS §6).
func keyRows() []row {
	const forward = "S3 calls KMS as the caller: its session policies count (facts AWS §6.1)"
	withoutKMS := func(w *world, d *documents) { d.session.Statement = d.session.Statement[:1] }
	named := func(w *world, d *documents) {
		withoutKMS(w, d)
		d.key.Statement = append(d.key.Statement, allow("K0Role", useKey, "*").to(principal{"AWS": roleARN}))
	}
	throughS3 := func(w *world, d *documents) {
		withoutKMS(w, d)
		d.key.Statement = append(d.key.Statement, allow("K0ThroughS3", useKey, "*").to(anyone).
			when("StringEquals", "kms:CallerAccount", account).
			when("StringEquals", "kms:ViaService", "s3."+region+".amazonaws.com"))
	}
	strangers := func(w *world, d *documents) {
		d.key = policy(allow("K0Stranger", []string{"kms:*"}, "*").to(principal{"AWS": adminARN}))
	}
	lacking := func(layer iam.Layer, action string) func(*world) outcome {
		return func(w *world) outcome { return notAllowed(layer, action, w.keyARN) }
	}
	reading, writing := get(apARN(apA), "orgA/x"), put(apARN(apA), "orgA/new")
	const decrypt, generate = "kms:Decrypt", "kms:GenerateDataKey"
	past := always(allowedBy("P0Own", "S0Blobs", "B0Delegate", "K0ThroughS3"))
	return []row{
		{n: 32, name: "GET, S0 without kms", why: forward, change: withoutKMS, call: always(reading), want: lacking(iam.LayerSession, decrypt)},
		{n: 32, name: "PUT, S0 without kms", why: forward, change: withoutKMS, call: always(writing), want: lacking(iam.LayerSession, generate)},
		{n: 33, name: "GET, key names the role", why: forward, change: named, call: always(reading), want: lacking(iam.LayerSession, decrypt)},
		{n: 33, name: "PUT, key names the role", why: forward, change: named, call: always(writing), want: lacking(iam.LayerSession, generate)},
		{n: 34, name: "GET, key names everybody through S3", why: "facts AWS §3.2 row 4", change: throughS3, call: always(reading), want: past},
		{n: 34, name: "PUT, key names everybody through S3", why: "facts AWS §3.2 row 4", change: throughS3, call: always(writing), want: past},
		{n: 35, name: "GET, key names neither account nor role", why: "the key policy must allow", change: strangers, call: always(reading), want: lacking(iam.LayerResource, decrypt)},
		{n: 35, name: "PUT, key names neither account nor role", why: "the key policy must allow", change: strangers, call: always(writing), want: lacking(iam.LayerResource, generate)},
		{
			n: 35, name: "HEAD, key names neither account nor role", why: "S3 API, HeadObject: no key is used",
			change: strangers, call: always(head(apARN(apA), "orgA/x")),
			want: always(allowedBy("P0Own", "S0Blobs", "B0Delegate")),
		},
		{
			n: 35, name: "HEAD with checksum, key names neither", why: "S3 API, HeadObject: the checksum needs the key",
			change: strangers, call: always(head(apARN(apA), "orgA/x", withChecksum)),
			want: func(w *world) outcome {
				return notAllowed(iam.LayerResource, decrypt, w.keyARN).onHEAD("Forbidden")
			},
		},
	}
}

// missingRows are rows 36–38: who learns that there is no object (facts AWS §7.6).
func missingRows() []row {
	const why = "S3 API, GetObject and HeadObject: 404 only with s3:ListBucket"
	mayList := func(conditions ...func(statement) statement) func(*world, *documents) {
		return func(w *world, d *documents) {
			add := func(to *document, sid string) {
				s := allow(sid, listing, apARN(apA), bucketARN)
				for _, f := range conditions {
					s = f(s)
				}
				to.Statement = append(to.Statement, s)
			}
			add(d.identity, "I0List")
			add(d.session, "S0List")
		}
	}
	onPrefix := func(s statement) statement { return s.when("StringLike", "s3:prefix", "orgA/*") }
	const no = "orgA/none"
	reading, asking := always(get(apARN(apA), no)), always(head(apARN(apA), no))
	denied := notAllowed(iam.LayerIdentity, "s3:ListBucket", apARN(apA))
	absent := allowedBy("P0Own", "S0Blobs", "B0Delegate", "I0List", "S0List", "I0List", "S0List").answered(404, "NoSuchKey")
	return []row{
		{n: 36, name: "GET without s3:ListBucket", why: why, call: reading, want: always(denied)},
		{n: 36, name: "HEAD without s3:ListBucket", why: why, call: asking, want: always(denied.onHEAD("Forbidden"))},
		{n: 37, name: "GET with s3:ListBucket", why: why, change: mayList(), call: reading, want: always(absent)},
		{n: 37, name: "HEAD with s3:ListBucket", why: why, change: mayList(), call: asking, want: always(absent.onHEAD("NotFound"))},
		{
			n: 38, name: "GET, s3:ListBucket on a prefix", why: "s3:prefix is absent from a GET, so StringLike is false",
			change: mayList(onPrefix), call: reading, want: always(denied),
		},
		{
			n: 38, name: "HEAD, s3:ListBucket on a prefix", why: "s3:prefix is absent from a HEAD, so StringLike is false",
			change: mayList(onPrefix), call: asking, want: always(denied.onHEAD("Forbidden")),
		},
	}
}
