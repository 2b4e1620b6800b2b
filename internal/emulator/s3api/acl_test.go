package s3api

import "testing"

// Lists are read as the owner's and not written, with the permissions for each.
func TestACLs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.delegate()
	w.accessPoint("ap", "")
	w.put(w.root, "/shared/k", "x").is(t, 200, "")
	const viaAP = "http://ap-" + account + ".127.0.0.1"
	own := w.allowing("own", []string{"s3:GetObjectAcl", "s3:PutObjectAcl", "s3:PutBucketAcl"}, []string{"*"})
	other := w.allowing("other", []string{"s3:GetObject", "s3:PutObject"}, []string{"*"})
	for _, path := range []string{"/shared/k?acl", viaAP + "/k?acl"} {
		var got accessControlPolicy
		w.get(own, path).into(t, &got)
		if len(got.Grants) != 1 || got.Grants[0].Permission != "FULL_CONTROL" || got.Owner.ID == "" {
			t.Errorf("%s: %+v", path, got)
		}
		w.get(other, path).is(t, 403, "AccessDenied")
		w.put(own, path, "", "x-amz-acl", "public-read").is(t, 400, "AccessControlListNotSupported")
		w.put(other, path, "", "x-amz-acl", "private").is(t, 403, "AccessDenied")
	}
	w.get(w.root, "/shared/none?acl").is(t, 404, "NoSuchKey")
	w.get(own, "/shared/k?acl&versionId=null").is(t, 403, "AccessDenied") // s3:GetObjectVersionAcl
	w.put(own, "/shared?acl", "", "x-amz-acl", "private").is(t, 400, "AccessControlListNotSupported")
	w.put(other, "/shared?acl", "", "x-amz-acl", "private").is(t, 403, "AccessDenied")
	w.put(own, viaAP+"/?acl", "", "x-amz-acl", "private").is(t, 405, "MethodNotAllowed")
}

// What access points let read of a bucket that has not set it (facts AWS §1.3).
func TestUnsetSettingsThroughAccessPoints(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.delegate()
	w.accessPoint("ap", "")
	for selector, want := range map[string]struct {
		status int
		code   string
	}{
		"acl": {200, ""}, "cors": {404, "NoSuchCORSConfiguration"}, "notification": {200, ""},
		"logging": {405, "MethodNotAllowed"}, "website": {405, "MethodNotAllowed"},
	} {
		w.get(w.root, "http://ap-"+account+".127.0.0.1/?"+selector).is(t, want.status, want.code)
	}
}
