package s3control_test

import (
	"strings"
	"testing"
)

// Every operation needs its own action, on the resource type that AWS lists for it;
// s3:GetAccessPoint and s3:ListAccessPoints have none and are granted on "*" or not
// at all (facts AWS §1.3, §12 trap 22).
func TestPermissions(t *testing.T) {
	t.Parallel()
	const (
		one    = apARN + "cas-a"
		policy = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"` + one + `/object/*"}]}`
		tags   = `<TagResourceRequest><Tags><Tag><Key>k</Key><Value>v</Value></Tag></Tags></TagResourceRequest>`
		blocks = `<PublicAccessBlockConfiguration/>`
	)
	for _, tc := range []struct {
		method, path, body, action, resource string
		status                               int
	}{
		{"PUT", apPath + "cas-new", createBody(""), "s3:CreateAccessPoint", apARN + "cas-new", 200},
		{"GET", apPath + "cas-a", "", "s3:GetAccessPoint", "*", 200},
		{"GET", apPath + "cas-a", "", "s3:GetAccessPoint", one, 403},
		{"GET", "/v20180820/accesspoint", "", "s3:ListAccessPoints", "*", 200},
		{"GET", "/v20180820/accesspoint", "", "s3:ListAccessPoints", apARN + "*", 403},
		{"DELETE", apPath + "cas-a", "", "s3:DeleteAccessPoint", one, 204},
		{"PUT", apPath + "cas-a/policy", policyBody(policy), "s3:PutAccessPointPolicy", one, 200},
		{"GET", apPath + "cas-a/policy", "", "s3:GetAccessPointPolicy", one, 200},
		{"GET", apPath + "cas-a/policyStatus", "", "s3:GetAccessPointPolicyStatus", one, 200},
		{"DELETE", apPath + "cas-a/policy", "", "s3:DeleteAccessPointPolicy", one, 204},
		{"GET", "/v20180820/tags/" + one, "", "s3:ListTagsForResource", one, 200},
		{"POST", "/v20180820/tags/" + one, tags, "s3:TagResource", one, 204},
		{"DELETE", "/v20180820/tags/" + one + "?tagKeys=k", "", "s3:UntagResource", one, 204},
		{"GET", "/v20180820/tags/arn:aws:s3:::shared", "", "s3:ListTagsForResource", "arn:aws:s3:::shared", 200},
		{"POST", "/v20180820/tags/arn:aws:s3:::shared", tags, "s3:TagResource", "arn:aws:s3:::shared", 204},
		{"PUT", "/v20180820/configuration/publicAccessBlock", blocks, "s3:PutAccountPublicAccessBlock", "*", 200},
		{"GET", "/v20180820/configuration/publicAccessBlock", "", "s3:GetAccountPublicAccessBlock", "*", 200},
		{"DELETE", "/v20180820/configuration/publicAccessBlock", "", "s3:PutAccountPublicAccessBlock", "*", 204},
	} {
		t.Run(tc.method+" "+tc.path+" on "+tc.resource, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.create("cas-a")
			w.do(w.root, "PUT", apPath+"cas-a/policy", policyBody(policy)).is(t, 200, "")
			w.do(w.root, "PUT", "/v20180820/configuration/publicAccessBlock", blocks).is(t, 200, "")

			grant := statement(`"Effect":"Allow","Action":"` + tc.action + `","Resource":"` + tc.resource + `"`)
			allBut := statement(`"Effect":"Allow","NotAction":"` + tc.action + `","Resource":"*"`)
			w.do(w.role("without", allBut), tc.method, tc.path, tc.body).is(t, 403, "AccessDenied")
			code := ""
			if tc.status == 403 {
				code = "AccessDenied"
			}
			w.do(w.role("with", grant), tc.method, tc.path, tc.body).is(t, tc.status, code)
		})
	}
}

// Tags in CreateAccessPoint need s3:TagResource as well (facts AWS §1.3), and tag
// conditions see the tags of the request and of the access point.
func TestTagPermissions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tagged := createBody("<Tags><Tag><Key>team</Key><Value>cas</Value></Tag></Tags>")
	create := `"Effect":"Allow","Action":"s3:CreateAccessPoint","Resource":"*"`
	w.do(w.role("creator", statement(create)), "PUT", apPath+"cas-a", tagged).is(t, 403, "AccessDenied")
	w.do(w.role("tagger", statement(strings.Replace(create, `"s3:CreateAccessPoint"`, `["s3:CreateAccessPoint","s3:TagResource"]`, 1)+
		`,"Condition":{"StringEquals":{"aws:RequestTag/team":"cas"}}`)), "PUT", apPath+"cas-a", tagged).is(t, 200, "")
	for value, status := range map[string]int{"cas": 204, "other": 403} {
		by := w.role("by-"+value, statement(`"Effect":"Allow","Action":"s3:DeleteAccessPoint","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"`+value+`","s3:AccessPointNetworkOrigin":"Internet","s3:DataAccessPointArn":"`+apARN+`cas-b"}}`))
		w.do(w.root, "PUT", apPath+"cas-b", tagged)
		if got := w.do(by, "DELETE", apPath+"cas-b", ""); got.Status != status {
			t.Errorf("with team=%s: got %d, want %d: %s", value, got.Status, status, got.Body)
		}
	}
}

// A caller without permission does not learn what exists.
func TestDenialHidesExistence(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("cas-a")
	guest := w.role("guest", nothing)
	for _, name := range []string{"cas-a", "absent"} {
		w.do(guest, "DELETE", apPath+name, "").is(t, 403, "AccessDenied")
		w.do(guest, "GET", apPath+name+"/policy", "").is(t, 403, "AccessDenied")
	}
	w.do(guest, "GET", "/v20180820/tags/arn:aws:s3:::absent", "").is(t, 403, "AccessDenied")
	w.do(w.root, "GET", "/v20180820/tags/arn:aws:s3:::absent", "").is(t, 404, "NoSuchBucket")
	w.do(w.root, "GET", "/v20180820/tags/arn:aws:sqs:eu-west-1:1:q", "").is(t, 400, "InvalidRequest")
}

func TestTags(t *testing.T) {
	t.Parallel()
	for _, arn := range []string{apARN + "cas-a", "arn:aws:s3:::shared"} {
		t.Run(arn, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.create("cas-a")
			path := "/v20180820/tags/" + arn
			body := func(tags ...string) string {
				var b strings.Builder
				b.WriteString("<TagResourceRequest><Tags>")
				for _, tag := range tags {
					k, v, _ := strings.Cut(tag, "=")
					b.WriteString("<Tag><Key>" + k + "</Key><Value>" + v + "</Value></Tag>")
				}
				return b.String() + "</Tags></TagResourceRequest>"
			}
			w.do(w.root, "POST", path, body("b=2", "a=1")).is(t, 204, "")
			w.do(w.root, "POST", path, body("b=3", "c=4")).is(t, 204, "")
			w.do(w.root, "DELETE", path+"?tagKeys=c&tagKeys=x", "").is(t, 204, "")
			var got struct {
				Keys   []string `xml:"Tags>Tag>Key"`
				Values []string `xml:"Tags>Tag>Value"`
			}
			w.do(w.root, "GET", path, "").into(t, &got)
			if strings.Join(got.Keys, ",") != "a,b" || strings.Join(got.Values, ",") != "1,3" {
				t.Errorf("tags %+v", got)
			}
			w.do(w.root, "POST", path, body("a=1", "a=2")).is(t, 400, "InvalidTag")
			w.do(w.root, "POST", path, body("aws:a=1")).is(t, 400, "InvalidTag")
			w.do(w.root, "POST", path, body("k="+strings.Repeat("v", 257))).is(t, 400, "InvalidTag")
			many := make([]string, 51)
			for i := range many {
				many[i] = "k" + strings.Repeat("x", i) + "=1"
			}
			w.do(w.root, "POST", path, body(many...)).is(t, 400, "TooManyTags")
		})
	}
}

func TestAccountBlock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const path = "/v20180820/configuration/publicAccessBlock"
	w.do(w.root, "GET", path, "").is(t, 404, "NoSuchPublicAccessBlockConfiguration")
	w.do(w.root, "PUT", path, `<PublicAccessBlockConfiguration xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/"><BlockPublicPolicy>true</BlockPublicPolicy></PublicAccessBlockConfiguration>`).is(t, 200, "")
	var got struct{ BlockPublicAcls, BlockPublicPolicy bool }
	w.do(w.root, "GET", path, "").into(t, &got)
	if got.BlockPublicAcls || !got.BlockPublicPolicy {
		t.Errorf("got %+v", got)
	}
	w.do(w.root, "DELETE", path, "").is(t, 204, "")
	w.do(w.root, "GET", path, "").is(t, 404, "NoSuchPublicAccessBlockConfiguration")
}
