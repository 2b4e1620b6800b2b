package s3control

import (
	"net/http"
	"strings"
)

const pathPrefix = "/v20180820/"

// operation is one operation of the API. In pattern, "{}" stands for one path
// segment and "{+}" for one or more.
type operation struct {
	method  string
	pattern string
	name    string
	status  int
	serve   serveFunc // nil: not implemented
}

func (s *Service) implemented() []operation {
	const (
		ok        = http.StatusOK
		noContent = http.StatusNoContent
	)
	return []operation{
		{"PUT", "accesspoint/{}", "CreateAccessPoint", ok, s.createAccessPoint},
		{"GET", "accesspoint/{}", "GetAccessPoint", ok, s.getAccessPoint},
		{"DELETE", "accesspoint/{}", "DeleteAccessPoint", noContent, s.deleteAccessPoint},
		{"GET", "accesspoint", "ListAccessPoints", ok, s.listAccessPoints},
		{"PUT", "accesspoint/{}/policy", "PutAccessPointPolicy", ok, s.putPolicy},
		{"GET", "accesspoint/{}/policy", "GetAccessPointPolicy", ok, s.getPolicy},
		{"DELETE", "accesspoint/{}/policy", "DeleteAccessPointPolicy", noContent, s.deletePolicy},
		{"GET", "accesspoint/{}/policyStatus", "GetAccessPointPolicyStatus", ok, s.getPolicyStatus},
		{"POST", "tags/{+}", "TagResource", noContent, s.tagResource},
		{"GET", "tags/{+}", "ListTagsForResource", ok, s.listTags},
		{"DELETE", "tags/{+}", "UntagResource", noContent, s.untagResource},
		{"PUT", "configuration/publicAccessBlock", "PutPublicAccessBlock", ok, s.putAccountBlock},
		{"GET", "configuration/publicAccessBlock", "GetPublicAccessBlock", ok, s.getAccountBlock},
		{"DELETE", "configuration/publicAccessBlock", "DeletePublicAccessBlock", noContent, s.deleteAccountBlock},
	}
}

// match finds the operation of a request and the value of the placeholder in its
// path. Of several patterns that fit, the longest wins: "mrap/instances/{+}/policy"
// before "mrap/instances/{+}".
func (s *Service) match(r *http.Request) (best operation, param string, ok bool) {
	rest, found := strings.CutPrefix(r.URL.Path, pathPrefix)
	if !found {
		return operation{}, "", false
	}
	for _, op := range s.operations {
		if op.method != r.Method || ok && len(op.pattern) <= len(best.pattern) {
			continue
		}
		if p, fits := matchPattern(op.pattern, rest); fits {
			best, param, ok = op, p, true
		}
	}
	return best, param, ok
}

func matchPattern(pattern, path string) (param string, ok bool) {
	head, tail, greedy := strings.Cut(pattern, "{+}")
	if !greedy {
		if head, tail, ok = strings.Cut(pattern, "{}"); !ok {
			return "", pattern == path
		}
	}
	rest, ok := strings.CutPrefix(path, head)
	if !ok {
		return "", false
	}
	param, ok = strings.CutSuffix(rest, tail)
	return param, ok && param != "" && (greedy || !strings.Contains(param, "/"))
}
