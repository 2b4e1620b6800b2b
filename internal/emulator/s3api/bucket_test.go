package s3api

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/emulator/s3state"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

func TestBucketLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(w.root, "/shared", createBody).is(t, 409, "BucketAlreadyOwnedByYou")
	w.put(w.root, "/elsewhere", "").is(t, 400, "IllegalLocationConstraintException")
	w.put(w.root, "/elsewhere", strings.ReplaceAll(createBody, region, "us-west-2")).is(t, 400, "IllegalLocationConstraintException")
	w.put(w.root, "/tenant-a-123456789012", createBody).is(t, 400, "InvalidBucketName")
	w.put(w.root, "/other", createBody, "x-amz-acl", "public-read").is(t, 400, "InvalidBucketAclWithObjectOwnership")
	w.put(w.root, "/other", createBody, "x-amz-object-ownership", "ObjectWriter").is(t, 501, "NotImplemented")
	w.put(w.root, "/other", createBody, "x-amz-object-ownership", ownerEnforced).is(t, 200, "")
	var list listBucketsResult
	w.get(w.root, "/").into(t, &list)
	if len(list.Buckets) != 2 || list.Buckets[0].Name != "other" || list.Buckets[1].BucketRegion != region {
		t.Errorf("%+v", list.Buckets)
	}
	w.get(w.root, "/?max-buckets=1").into(t, &list)
	token := list.ContinuationToken
	list = listBucketsResult{}
	w.get(w.root, "/?max-buckets=1&continuation-token="+token).into(t, &list)
	if len(list.Buckets) != 1 || list.Buckets[0].Name != "shared" || list.ContinuationToken != "" {
		t.Errorf("second page: %+v", list)
	}
	if h := w.do(w.root, "HEAD", "/shared", "").Header; h.Get("X-Amz-Bucket-Region") != region || h.Get("X-Amz-Access-Point-Alias") != "false" {
		t.Errorf("%v", h)
	}
	if got := w.get(w.root, "/shared?location"); !strings.Contains(got.Body, ">"+region+"<") {
		t.Errorf("%s", got.Body)
	}
	w.put(w.root, "/shared/k", "").is(t, 200, "")
	w.do(w.root, "DELETE", "/shared", "").is(t, 409, "BucketNotEmpty")
	w.do(w.root, "DELETE", "/shared/k", "").is(t, 204, "")
	ap := w.accessPoint("cas-a", "")
	w.do(w.root, "DELETE", "/shared", "").is(t, 400, "BucketHasAccessPointsAttached") // AWS §1.3
	if err := w.db.Update(func(tx state.Tx) error {
		return s3state.AccessPoints.Delete(tx, s3state.AccessPointKey(account, ap.Name))
	}); err != nil {
		t.Fatal(err)
	}
	w.do(w.root, "DELETE", "/shared", "").is(t, 204, "")
	w.do(w.root, "DELETE", "/shared", "").is(t, 404, "NoSuchBucket")
}

// In us-east-1 alone one may make again what one has; what the bucket is stays.
func TestCreateBucketAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(w.root, "/shared", `<CreateBucketConfiguration><LocationConstraint>`+region+`</LocationConstraint></CreateBucketConfiguration>`).is(t, 409, "BucketAlreadyOwnedByYou")
	w.versioning("Enabled")
	w.svc.cfg.Region = "us-east-1"
	w.put(w.root, "/shared", "").is(t, 200, "")
	if got := w.get(w.root, "/shared?versioning"); !strings.Contains(got.Body, "Enabled") {
		t.Errorf("the settings are gone: %s", got.Body)
	}
	const tagged = `<CreateBucketConfiguration><Tags><Tag><Key>a</Key><Value>b</Value></Tag></Tags></CreateBucketConfiguration>`
	w.put(w.root, "/shared", tagged).is(t, 409, "BucketAlreadyOwnedByYou") // rather than ignoring them
}

// Each setting: what a new bucket has, put, get, delete.
func TestSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tc := range []struct {
		query       string
		fresh       string // in the answer of a new bucket, or the code of its error
		put         string
		after       string // in the answer then
		putStatus   int
		deleted     string // in the answer or code after DELETE; "" when there is no DELETE
		refused     string
		refusedCode string
	}{
		{
			query: "publicAccessBlock", fresh: "<RestrictPublicBuckets>true<",
			put:   `<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>`,
			after: "<BlockPublicPolicy>false<", putStatus: 200, deleted: "NoSuchPublicAccessBlockConfiguration",
			refused: `<Other/>`, refusedCode: "MalformedXML",
		}, {
			query: "ownershipControls", fresh: "BucketOwnerEnforced",
			put:   `<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>`,
			after: "BucketOwnerEnforced", putStatus: 200, deleted: "OwnershipControlsNotFoundError",
			refused: `<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>`, refusedCode: "NotImplemented",
		}, {
			query: "encryption", fresh: "<SSEAlgorithm>AES256<",
			put:   `<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>arn:k</KMSMasterKeyID></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>true</BucketKeyEnabled><BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes></Rule></ServerSideEncryptionConfiguration>`,
			after: "<KMSMasterKeyID>arn:k</KMSMasterKeyID></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>true</BucketKeyEnabled><BlockedEncryptionTypes><EncryptionType>SSE-C<", putStatus: 200,
			deleted: "<SSEAlgorithm>AES256<",
			refused: `<ServerSideEncryptionConfiguration></ServerSideEncryptionConfiguration>`, refusedCode: "MalformedXML",
		}, {
			query: "versioning", fresh: "<VersioningConfiguration></VersioningConfiguration>",
			put:   `<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Suspended</Status></VersioningConfiguration>`,
			after: "<Status>Suspended<", putStatus: 200,
			refused: `<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Enabled</MfaDelete></VersioningConfiguration>`, refusedCode: "NotImplemented",
		}, {
			query: "tagging", fresh: "NoSuchTagSet",
			put:   `<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>`,
			after: "<Key>a</Key><Value>1</Value>", putStatus: 204, deleted: "NoSuchTagSet",
			refused: `<Tagging><TagSet><Tag><Key>aws:a</Key></Tag></TagSet></Tagging>`, refusedCode: "InvalidTag",
		}, {
			query: "lifecycle", fresh: "NoSuchLifecycleConfiguration",
			put:   `<LifecycleConfiguration><Rule><ID>uploads</ID><Filter><Prefix></Prefix></Filter><Status>Enabled</Status><AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule></LifecycleConfiguration>`,
			after: "<Rule><ID>uploads</ID><Filter><Prefix></Prefix></Filter><Status>Enabled</Status><AbortIncompleteMultipartUpload><DaysAfterInitiation>7<", putStatus: 200, deleted: "NoSuchLifecycleConfiguration",
			refused: `<LifecycleConfiguration><Rule><Filter/><Status>Enabled</Status><Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition></Rule></LifecycleConfiguration>`, refusedCode: "NotImplemented",
		}, {
			query: "policy", fresh: "NoSuchBucketPolicy", put: delegation, after: `"s3:DataAccessPointAccount":"` + account + `"`, putStatus: 204, deleted: "NoSuchBucketPolicy",
			refused: statement(`"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::other/*"`), refusedCode: "MalformedPolicy",
		},
	} {
		t.Run(tc.query, func(t *testing.T) {
			path := "/shared?" + tc.query
			shows := func(when, want string) {
				t.Helper()
				if got := w.get(w.root, path); want != "" && got.Code != want && !strings.Contains(got.Body, want) {
					t.Errorf("%s: want %s in %s", when, want, got.Body)
				}
			}
			shows("new", tc.fresh)
			w.put(w.root, path, tc.put).is(t, tc.putStatus, "")
			if got := w.put(w.root, path, tc.refused); got.Code != tc.refusedCode {
				t.Errorf("got %d %s, want %s: %s", got.Status, got.Code, tc.refusedCode, got.Body)
			}
			if got := w.put(w.root, path, strings.Repeat(" ", maxBody+1)); got.Code != "MaxMessageLengthExceeded" {
				t.Errorf("a long document: %d %s", got.Status, got.Code)
			}
			if tc.query != "policy" { // the others are XML
				w.put(w.root, path, tc.put+tc.put).is(t, 400, "MalformedXML")
				w.put(w.root, path, "text"+tc.put).is(t, 400, "MalformedXML")
			}
			w.put(w.root, path, tc.put, "Content-MD5", b64(make([]byte, 16))).is(t, 400, "BadDigest")
			w.put(w.nobody, path, tc.put).is(t, 403, "AccessDenied")
			w.get(w.nobody, path).is(t, 403, "AccessDenied")
			shows("put", tc.after)
			if tc.deleted != "" {
				w.do(w.nobody, "DELETE", path, "").is(t, 403, "AccessDenied")
				w.do(w.root, "DELETE", path, "").is(t, 204, "")
				shows("deleted", tc.deleted)
			}
		})
	}
}

// Settings that cannot be put are what AWS shows of a bucket without them.
func TestUnsetSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for query, want := range map[string]string{
		"accelerate": "<AccelerateConfiguration", "acl": "<Permission>FULL_CONTROL<", "cors": "NoSuchCORSConfiguration", "logging": "<BucketLoggingStatus",
		"notification": "<NotificationConfiguration", "object-lock": "ObjectLockConfigurationNotFoundError", "replication": "ReplicationConfigurationNotFoundError",
		"requestPayment": "<Payer>BucketOwner<", "website": "NoSuchWebsiteConfiguration",
	} {
		if got := w.get(w.root, "/shared?"+query); !strings.Contains(got.Body, want) {
			t.Errorf("%s: %s", query, got.Body)
		}
		w.get(w.nobody, "/shared?"+query).is(t, 403, "AccessDenied")
	}
}

// A policy comes back as it was put, with ids where principals are gone (facts AWS §3.2).
func TestPolicyText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.role("reader", statement(`"Effect":"Allow","Action":"s3:GetObject","Resource":"*"`))
	sent := statement(`"Sid":"a","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + account + `:role/reader"},"Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::shared/<&>*"`)
	w.put(w.root, "/shared?policy", sent).is(t, 204, "")
	var want, got any
	for text, into := range map[string]*any{sent: &want, w.get(w.root, "/shared?policy").Body: &got} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("policy (-sent +got):\n%s", diff)
	}
	if got := w.get(w.root, "/shared?policyStatus"); !strings.Contains(got.Body, "<IsPublic>false<") {
		t.Errorf("%s", got.Body)
	}
	w.put(w.root, "/shared?policy", strings.ReplaceAll(sent, "role/reader", "role/nobody")).is(t, 400, "MalformedPolicy")
	w.put(w.root, "/shared?policy", strings.ReplaceAll(sent, "s3:PutObject", "s3:ListBucket")).is(t, 400, "MalformedPolicy")
	w.put(w.root, "/shared?policy", "{}").is(t, 400, "MalformedPolicy")
	w.put(w.root, "/shared?policy", sent+strings.Repeat(" ", maxPolicy)).is(t, 400, "MalformedPolicy")
}

func TestDeleteObjects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, k := range []string{"a/1", "a/2", "b/1"} {
		w.put(w.root, "/shared/"+k, "").is(t, 200, "")
	}
	body := `<Delete><Object><Key>a/1</Key></Object><Object><Key>a/none</Key></Object><Object><Key>b/1</Key></Object><Object><Key>a/2</Key><VersionId>v</VersionId></Object></Delete>`
	some := w.allowing("some", []string{"s3:DeleteObject"}, []string{"arn:aws:s3:::shared/a/*"})
	var out deleteResult
	w.do(some, "POST", "/shared?delete", body).into(t, &out)
	if diff := cmp.Diff([]deletedKey{{Key: "a/1"}, {Key: "a/none"}}, out.Deleted); diff != "" {
		t.Error(diff)
	}
	codes := map[string]string{}
	for _, e := range out.Errors {
		codes[string(e.Key)] = e.Code
	}
	if diff := cmp.Diff(map[string]string{"b/1": "AccessDenied", "a/2": "InvalidArgument"}, codes); diff != "" {
		t.Error(diff)
	}
	if got := w.listAll(2, "", "", "", 10).Keys; !cmp.Equal(got, []string{"a/2", "b/1"}) {
		t.Errorf("left: %v", got)
	}
	out = deleteResult{}
	w.do(w.root, "POST", "/shared?delete", `<Delete><Quiet>true</Quiet><Object><Key>b/1</Key></Object></Delete>`).into(t, &out)
	if len(out.Deleted) != 0 {
		t.Errorf("quiet: %+v", out)
	}
	w.do(w.root, "POST", "/shared?delete", `<Delete></Delete>`).is(t, 400, "MalformedXML")
	w.do(w.root, "POST", "/none?delete", body).is(t, 404, "NoSuchBucket")
	w.noOrphans()
}

// Every operation that AWS serves is here, or refused by its name.
func TestOperationNames(t *testing.T) {
	t.Parallel()
	seen := map[shape]string{}
	for _, op := range append(append(append(bucketOperations(), objectOperations()...), unsetOperations()...), unimplemented()...) {
		if other, twice := seen[op.shape]; twice {
			t.Errorf("%s and %s look the same", op.name, other)
		}
		seen[op.shape] = op.name
	}
}
