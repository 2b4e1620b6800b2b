package decisions_test

import (
	"errors"
	"testing"

	"github.com/aws/smithy-go"
)

// TestDenialMessages: the denial names caller, action, resource and kind of policy
// (AWS userguide, troubleshoot_access-denied), and of two contexts the one that
// denied.
func TestDenialMessages(t *testing.T) {
	t.Parallel()
	const (
		user    = "User: " + orgAARN + " is not authorized to perform: "
		session = "because no session policy allows the "
	)
	object := `"` + apARN(apA) + `/object/`
	for name, tc := range map[string]struct {
		change func(*world, *documents)
		call   call
		want   func(*world) string
	}{
		"session policy": {
			nil, get(apARN(apA), "orgB/y"),
			always(user + "s3:GetObject on resource: " + object + `orgB/y" ` + session + "s3:GetObject action"),
		},
		"access point policy": {
			nil, get(apARN(apB), "orgB/y"),
			always(user + `s3:GetObject on resource: "` + apARN(apB) + `/object/orgB/y" with an explicit deny in a resource-based policy`),
		},
		"bucket policy": {
			nil, put(bucket, "orgA/x"),
			always(user + `s3:PutObject on resource: "` + bucketARN + `/orgA/x" with an explicit deny in a resource-based policy`),
		},
		"identity policy": {
			func(_ *world, d *documents) { d.ap[apA], d.identity.Statement = nil, d.identity.Statement[1:] },
			get(apARN(apA), "orgA/x"),
			always(user + "s3:GetObject on resource: " + object + `orgA/x" because no identity-based policy allows the s3:GetObject action`),
		},
		"KMS": {
			func(_ *world, d *documents) { d.session.Statement = d.session.Statement[:1] },
			put(apARN(apA), "orgA/x"),
			func(w *world) string {
				return user + `kms:GenerateDataKey on resource: "` + w.keyARN + `" ` + session + "kms:GenerateDataKey action"
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			docs := w.base()
			if tc.change != nil {
				tc.change(w, docs)
			}
			w.install(docs)
			a := w.sessionA()
			err := tc.call(t.Context(), a)
			denied, ok := errors.AsType[smithy.APIError](err)
			if !ok || denied.ErrorCode() != "AccessDenied" || denied.ErrorMessage() != tc.want(w) {
				t.Errorf("got  %v\nwant %s", err, tc.want(w))
			}
		})
	}
}
