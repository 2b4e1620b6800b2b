package s3api

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxKey is the limit of an object key in bytes of UTF-8 (facts AWS §7.3).
const maxKey = 1024

// address is what a request names: nothing (the account), a bucket or access point,
// or an object in it.
type address struct {
	bucket string // bucket name or access point alias
	// accessPoint and account are set instead of bucket when the host names an access
	// point.
	accessPoint, account string
	key                  string // opaque bytes: never cleaned, compared as they are
	hasKey               bool
}

func (a address) empty() bool { return a.bucket == "" && a.accessPoint == "" }

// addresses reads the addresses of requests. Bases are the host names under which
// the endpoint answers path-style requests; a label before one of them is a bucket
// or access point.
type addresses struct{ bases []string }

func newAddresses(hosts []string) addresses {
	bases := append([]string{"localhost"}, hosts...)
	for i, h := range bases {
		bases[i] = strings.ToLower(h)
	}
	// The longest first: a base may lie under another.
	slices.SortFunc(bases, func(a, b string) int { return len(b) - len(a) })
	return addresses{bases}
}

// of returns the address of r. The key is what the client's percent-encoding stands
// for, decoded once: "..", "//" and an encoded slash are bytes of the key like others.
func (as addresses) of(r *http.Request) (address, error) {
	a := as.host(r)
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/")
	if a.empty() {
		var err error
		first, rest, more := strings.Cut(path, "/")
		if a.bucket, err = url.PathUnescape(first); err != nil {
			return a, invalidURI()
		}
		if first == "" && more {
			return a, invalidBucketName("")
		}
		path = rest
	}
	key, err := url.PathUnescape(path)
	if err != nil || !utf8.ValidString(key) {
		return a, invalidURI()
	}
	if len(key) > maxKey {
		return a, keyTooLong(key)
	}
	a.key, a.hasKey = key, key != ""
	return a, nil
}

// host reads what stands before the base in the host name. Case does not matter there.
func (as addresses) host(r *http.Request) address {
	host := hostname(r)
	if label, kind, ok := awsHost(host); ok {
		a := labelled(label)
		if kind == "s3-accesspoint" && a.accessPoint == "" {
			a = address{accessPoint: label} // without an account there is no such access point
		}
		return a
	}
	for _, base := range as.bases {
		if label, ok := under(host, base); ok {
			return labelled(label)
		}
	}
	if label, ok := underIPv4(host); ok {
		return labelled(label)
	}
	return address{}
}

// under returns what stands before base; "s3" there is part of the endpoint's name,
// and too short for a bucket.
func under(host, base string) (label string, ok bool) {
	rest, ok := strings.CutSuffix(host, base)
	if !ok || rest != "" && !strings.HasSuffix(rest, ".") {
		return "", false
	}
	label = strings.TrimSuffix(rest, ".")
	if label == "s3" {
		return "", true
	}
	return strings.TrimSuffix(label, ".s3"), true
}

// underIPv4 returns what stands before an IPv4 address, as SDKs write it when their
// endpoint is one (facts clients §1).
func underIPv4(host string) (label string, ok bool) {
	parts := strings.Split(host, ".")
	if len(parts) < 4 {
		return "", false
	}
	cut := len(parts) - 4
	if _, err := netip.ParseAddr(strings.Join(parts[cut:], ".")); err != nil {
		return "", false
	}
	return strings.Join(parts[:cut], "."), true
}

// awsHost reads AWS's own names: LABEL.s3[-fips][.dualstack][.REGION].amazonaws.com
// and LABEL.s3-accesspoint[-fips][.dualstack].REGION.amazonaws.com. The service label
// is the last one that can be it: a bucket's name may hold dots and "s3".
func awsHost(host string) (label, kind string, ok bool) {
	rest, ok := strings.CutSuffix(host, ".amazonaws.com")
	if !ok {
		return "", "", false
	}
	parts := strings.Split(rest, ".")
	for i := len(parts) - 1; i >= 0 && i >= len(parts)-3; i-- {
		kind := strings.TrimSuffix(parts[i], "-fips")
		if kind == "s3" || kind == "s3-accesspoint" {
			return strings.Join(parts[:i], "."), kind, true
		}
	}
	return "", "", false
}

// labelled reads the label of a host that serves buckets and access points
// alike. A label that ends like an access point's is one: no bucket may be called so.
func labelled(label string) address {
	if a := accessPointLabel(label); a.accessPoint != "" {
		return a
	}
	return address{bucket: label}
}

// accessPointLabel splits NAME-ACCOUNT at the last dash; the account is 12 digits
// (facts AWS §1.1).
func accessPointLabel(label string) address {
	cut := strings.LastIndexByte(label, '-')
	if cut < 1 || !isAccountID(label[cut+1:]) || strings.Contains(label, ".") {
		return address{bucket: label}
	}
	return address{accessPoint: label[:cut], account: label[cut+1:]}
}

// endsLikeAccessPoint reports names that could not be told from access points.
func endsLikeAccessPoint(bucket string) bool {
	cut := strings.LastIndexByte(bucket, '-')
	return cut >= 0 && isAccountID(bucket[cut+1:])
}

func isAccountID(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}

// hostname is the host of the request in lower case, without port and final dot.
func hostname(r *http.Request) string {
	u := url.URL{Host: r.Host}
	return strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
}
