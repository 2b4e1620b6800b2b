package decisions_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/managedcas/managedcas/internal/iam"
)

// TestEncryptionContext: KMS sees the object's ARN, or with a Bucket Key the
// bucket's, also through an access point; an object remembers which (facts AWS §6.3).
func TestEncryptionContext(t *testing.T) {
	t.Parallel()
	const decrypt, generate = "kms:Decrypt", "kms:GenerateDataKey"
	object := bucketARN + "/orgA/x"
	reading, writing := get(apARN(apA), "orgA/x"), put(apARN(apA), "orgA/x")
	for name, tc := range map[string]struct {
		bucketKey bool   // when the object is written
		context   string // that S0 demands
		call      call
		lacking   string // action; empty: allowed
	}{
		"Bucket Key, GET, bucket":            {true, bucketARN, reading, ""},
		"Bucket Key, PUT, bucket":            {true, bucketARN, writing, ""},
		"Bucket Key, GET, object":            {true, object, reading, decrypt},
		"Bucket Key, PUT, object":            {true, object, writing, generate},
		"Bucket Key, GET, access point":      {true, apARN(apA), reading, decrypt},
		"no Bucket Key, GET, object":         {false, object, reading, ""},
		"no Bucket Key, PUT, object":         {false, object, writing, ""},
		"no Bucket Key, GET, bucket":         {false, bucketARN, reading, decrypt},
		"no Bucket Key, PUT, bucket":         {false, bucketARN, writing, generate},
		"no Bucket Key, GET, access point":   {false, apARN(apA) + "/object/orgA/x", reading, decrypt},
		"no Bucket Key, GET, another object": {false, bucketARN + "/orgB/y", reading, decrypt},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.encrypt(tc.bucketKey)
			w.store("orgA/x")
			docs := w.base()
			docs.session.Statement[1] = docs.session.Statement[1].when("StringEquals", "kms:EncryptionContext:aws:s3:arn", tc.context)
			w.install(docs)
			want := allowedBy(ownObject...)
			if tc.lacking != "" {
				want = notAllowed(iam.LayerSession, tc.lacking, w.keyARN)
			}
			a := w.sessionA()
			want.check(t, w, a, tc.call(t.Context(), a))
			if tc.lacking == decrypt {
				return
			}
			// The bucket's setting is for objects to come; this one stays as it is.
			w.encrypt(!tc.bucketKey)
			if tc.lacking == "" {
				want.check(t, w, a, reading(t.Context(), a))
			}
		})
	}
}

// TestKeyDirectly: the tenant's credentials alone are no way to the key when the
// policies say "through S3 only" (facts AWS §6.2).
func TestKeyDirectly(t *testing.T) {
	t.Parallel()
	const viaService = "kms:ViaService"
	throughS3 := "s3." + region + ".amazonaws.com"
	generate := func(keyID string) call {
		return func(ctx context.Context, a *actor) error {
			_, err := a.kms().GenerateDataKey(ctx, &kms.GenerateDataKeyInput{KeyId: &keyID, KeySpec: kmstypes.DataKeySpecAes256})
			return err
		}
	}
	inKMS := func(o outcome) outcome {
		return o.answered(400, "AccessDeniedException")
	}
	for name, tc := range map[string]struct {
		change func(*documents)
		direct func(*world) outcome
	}{
		"no condition": {
			func(*documents) {}, always(allowedBy("K0Account", "I0Key", "S0Key")),
		},
		"S0 demands S3": {
			func(d *documents) {
				d.session.Statement[1] = d.session.Statement[1].when("StringEquals", viaService, throughS3)
			},
			func(w *world) outcome { return inKMS(notAllowed(iam.LayerSession, "kms:GenerateDataKey", w.keyARN)) },
		},
		"K0 denies all but S3": {
			func(d *documents) {
				d.key.Statement = append(d.key.Statement, deny("K0Direct", []string{"kms:GenerateDataKey*"}, "*").to(anyone).
					when("ArnEquals", "aws:PrincipalArn", roleARN).when("StringNotEquals", viaService, throughS3))
			},
			always(inKMS(deniedBy(iam.LayerResource, "K0Direct"))),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			docs := w.base()
			tc.change(docs)
			w.install(docs)
			a := w.sessionA()
			tc.direct(w).check(t, w, a, generate(w.keyARN)(t.Context(), a))
			allowedBy(ownObject...).check(t, w, a, put(apARN(apA), "orgA/new")(t.Context(), a))
		})
	}
}

// TestKeyIsOff: a disabled key stops what uses it, whatever is allowed (facts AWS
// §6.1).
func TestKeyIsOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.install(w.base())
	_, err := w.root.kms().DisableKey(t.Context(), &kms.DisableKeyInput{KeyId: &w.keyARN})
	w.must(err)
	a := w.sessionA()
	for _, request := range []call{get(apARN(apA), "orgA/x"), put(apARN(apA), "orgA/new")} {
		err := request(t.Context(), a)
		if _, status := a.wire.last(); code(err) != "KMS.DisabledException" || status != 400 {
			t.Errorf("answered %d: %v", status, err)
		}
	}
	allowedBy("P0Own", "S0Blobs", "B0Delegate").check(t, w, a, head(apARN(apA), "orgA/x")(t.Context(), a))
}

// TestMultipartKey: beginning an upload makes the data key, every part opens it
// (facts AWS §6.1).
func TestMultipartKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	docs := w.base()
	docs.session.Statement[1].Action = useKey[:1]
	w.install(docs)
	a := w.sessionA()
	where, key := apARN(apA), "orgA/large"
	begun, err := a.s3().CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &where, Key: &key})
	allowedBy(ownObject...).check(t, w, a, err)
	_, err = a.s3().UploadPart(t.Context(), &s3.UploadPartInput{
		Bucket: &where, Key: &key, UploadId: begun.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("part"),
	})
	notAllowed(iam.LayerSession, "kms:Decrypt", w.keyARN).check(t, w, a, err)
	allowedBy(ownObject...).check(t, w, a, put(where, "orgA/small")(t.Context(), a))
}
