package trespass

import (
	"net/url"
	"strings"
)

// place is where a request goes: what stands before the key in the target, and the host.
type place struct{ before, host string }

// places are all ways to another's objects, and one's own.
func (s *scene) places() map[string]place {
	in := s.rig.Installation
	label := s.theirs.APName() + "-" + in.AccountID
	mine, theirs := s.apHost(s.mine), s.apHost(s.theirs)
	return map[string]place{
		"their access point":                  {"/", theirs},
		"their access point in capitals":      {"/", strings.ToUpper(theirs) + "."},
		"their access point at the endpoint":  {"/", label + "." + s.thief.address},
		"their access point at localhost":     {"/", label + ".localhost"},
		"their access point in the line":      {"http://" + theirs + "/", mine},
		"mine in the line, theirs as host":    {"http://" + mine + "/", theirs},
		"a user in the line":                  {"http://" + mine + "@" + theirs + "/", mine},
		"their access point's ARN as a path":  {"/" + url.PathEscape(s.theirs.APARN()) + "/", s.thief.address},
		"their access point's name as a path": {"/" + label + "/", s.thief.address},
		"their alias as a path":               {"/" + s.alias + "/", s.thief.address},
		"their alias as a host":               {"/", s.alias + ".s3." + in.Region + ".amazonaws.com"},
		"the bucket as a path":                {"/" + in.BucketName + "/", s.thief.address},
		"the bucket as a host":                {"/", in.BucketName + ".localhost"},
		"the bucket behind a slash":           {"//" + in.BucketName + "/", s.thief.address},
		"the bucket with an encoded slash":    {"/" + in.BucketName + "%2F", s.thief.address},
		"the bucket and a zero byte":          {"/" + in.BucketName + "%00/", s.thief.address},
		"my access point":                     {"/", mine},
	}
}

// spellings are keys that a careless parser could take for key, as targets have them.
func (s *scene) spellings(key string) []string {
	prefix := s.mine.KeyPrefix()
	return []string{
		key, "/" + key, "./" + key, "%2F" + key, "%00" + key, key + "%00",
		strings.ReplaceAll(key, "/", "%2F"), strings.ReplaceAll(key, "/", "%252F"), strings.ReplaceAll(key, "/", "//"), strings.ToUpper(key),
		prefix + "../" + key, prefix + "%2E%2E/" + key, prefix + "..%2F" + key, prefix + "/" + key, prefix + "%00" + key, prefix + `..%5C` + key,
	}
}

// operation is a method with its query, headers and body, on an object or the bucket.
type operation struct {
	method, query, body string
	headers             [][2]string
}

func (s *scene) onObjects() []operation {
	const tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
	upload := "uploadId=" + s.upload
	return []operation{
		{method: "GET"}, {method: "HEAD"}, {method: "PUT", body: "mine now"}, {method: "DELETE"},
		{method: "GET", query: "partNumber=1"}, {method: "GET", query: "versionId=null"}, {method: "DELETE", query: "versionId=null"},
		{method: "GET", headers: [][2]string{{"X-HTTP-Method-Override", "PUT"}, {"X-Original-URL", "/" + s.key}, {"X-Rewrite-URL", "/" + s.key}, {"X-Forwarded-Host", s.apHost(s.theirs)}}},
		{method: "GET", query: "attributes", headers: [][2]string{{"X-Amz-Object-Attributes", "ETag,ObjectSize"}}},
		{method: "GET", query: "tagging"}, {method: "PUT", query: "tagging", body: tags}, {method: "DELETE", query: "tagging"}, {method: "GET", query: "acl"},
		{method: "POST", query: "uploads"}, {method: "GET", query: upload}, {method: "DELETE", query: upload},
		{method: "PUT", query: "partNumber=1&" + upload, body: "mine now"},
		{method: "PUT", query: "partNumber=1&uploadId=" + s.own.upload + "&" + upload, body: "mine now"},
		{method: "POST", query: upload, body: "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>"},
	}
}

func (s *scene) onBucket() []operation {
	theirs, mine := url.QueryEscape(s.theirs.KeyPrefix()), url.QueryEscape(s.mine.KeyPrefix())
	ops := []operation{
		{method: "HEAD"}, {method: "PUT"}, {method: "DELETE"},
		{method: "POST", query: "delete", body: "<Delete><Object><Key>" + s.key + "</Key></Object><Object><Key>" + s.key + "</Key><VersionId>null</VersionId></Object></Delete>"},
	}
	for _, list := range []string{"", "list-type=2&", "versions&", "uploads&"} {
		for _, prefix := range []string{
			"", "prefix=", "prefix=" + theirs, "prefix=" + mine + "&prefix=" + theirs, "prefix=" + theirs + "&prefix=" + mine,
			"Prefix=" + mine, "prefix=" + theirs + "&s3:prefix=" + mine, "prefix=" + theirs[:8] + "&delimiter=%2F",
			"prefix=" + mine + "%00&start-after=" + theirs + "&marker=" + theirs + "&key-marker=" + theirs,
		} {
			ops = append(ops, operation{method: "GET", query: list + prefix})
		}
	}
	for _, setting := range []string{"policy", "policyStatus", "publicAccessBlock", "encryption", "ownershipControls", "versioning", "tagging", "lifecycle", "location", "acl", "cors"} {
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			ops = append(ops, operation{method: method, query: setting})
		}
	}
	return ops
}
