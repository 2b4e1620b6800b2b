package s3api

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

const (
	headerCopySource = "X-Amz-Copy-Source"
	// headerCopyPrefix stands before the read conditions that are about the source.
	headerCopyPrefix = "X-Amz-Copy-Source-"
	headerCopyRange  = "X-Amz-Copy-Source-Range"
	headerCopySSEC   = "X-Amz-Copy-Source-Server-Side-Encryption-Customer-Algorithm"
)

// readSource returns the read that a copy asks for besides its own write: a call of
// its own, with the source's address, version, conditions and expected owner, and
// the same caller.
func (s *Service) readSource(c *call) (*call, error) {
	if values := c.r.Header.Values(headerCopySource); len(values) > 1 {
		return nil, invalidArgument(strings.ToLower(headerCopySource), strings.Join(values, ","), "a copy has one source")
	}
	at, version, err := s.copySource(c.r.Header.Get(headerCopySource))
	if err != nil {
		return nil, err
	}
	header := http.Header{}
	for _, name := range []string{"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"} {
		if v := c.r.Header.Get(headerCopyPrefix + name); v != "" {
			header.Set(name, v)
		}
	}
	if v := c.r.Header.Get("X-Amz-Source-Expected-Bucket-Owner"); v != "" {
		header.Set("X-Amz-Expected-Bucket-Owner", v)
	}
	// Its method is the copy's: errors tell the client of the request that it sent.
	source := &call{w: c.w, r: &http.Request{Method: c.r.Method, Header: header, URL: &url.URL{}}, req: c.req, op: c.op, query: url.Values{}}
	if version != "" {
		source.query.Set("versionId", version)
	}
	source.target, err = s.find(at)
	return source, err
}

// copySource reads x-amz-copy-source: BUCKET/KEY or, through an access point,
// ARN/object/KEY, percent-encoded, with ?versionId= behind it:
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html.
func (s *Service) copySource(text string) (at address, version string, err error) {
	invalid := invalidArgument("x-amz-copy-source", text, "Invalid copy source object key or encoding: give BUCKET/KEY, or ARN/object/KEY of an access point, percent-encoded")
	path, query, named := strings.Cut(text, "?")
	if named {
		var ok bool
		if version, ok = strings.CutPrefix(query, "versionId="); !ok {
			return at, "", invalid
		}
		if err := checkVersionID(version); err != nil {
			return at, "", err
		}
	}
	path, err = url.PathUnescape(strings.TrimPrefix(path, "/"))
	if err != nil {
		return at, "", invalid
	}
	if rest, ok := strings.CutPrefix(path, "arn:aws:s3:"); ok {
		region, rest, _ := strings.Cut(rest, ":")
		account, rest, _ := strings.Cut(rest, ":accesspoint/")
		name, key, ok := strings.Cut(rest, "/object/")
		if !ok || !isAccountID(account) || name == "" {
			return at, "", invalid
		}
		if region != s.cfg.Region {
			// Access points copy within their Region only (facts AWS §1.3).
			return at, "", invalidArgument("x-amz-copy-source", text, "The access point of the copy source is in another Region")
		}
		at = address{accessPoint: name, account: account, key: key}
	} else {
		at.bucket, at.key, _ = strings.Cut(path, "/")
	}
	if at.key == "" || at.empty() || len(at.key) > maxKey || !utf8.ValidString(at.key) {
		return at, "", invalid
	}
	at.hasKey = true
	return at, version, nil
}

// openSource authorizes the read of a source in its own contexts, as GetObject, and
// returns the object with its data key. Its content stays readable until release.
func (s *Service) openSource(ctx context.Context, source *call) (o *object, dataKey []byte, release func(), err error) {
	o, letGo, err := s.hold(source)
	if err != nil {
		return nil, nil, nil, err
	}
	defer func() {
		if err != nil {
			letGo()
		}
	}()
	if err := s.allowRead(ctx, source, "s3:GetObject", o); err != nil {
		return nil, nil, nil, err
	}
	// A condition that spares a GET its answer fails a copy.
	switch outcome, which := readConditions(source.r.Header, *o); outcome {
	case failed:
		return nil, nil, nil, preconditionFailed(headerCopyPrefix + which)
	case notModified:
		return nil, nil, nil, preconditionFailed("x-amz-copy-source-if-none-match or -if-modified-since")
	}
	dataKey, err = s.dataKey(ctx, source, source.target.key, o.Encryption)
	return o, dataKey, letGo, err
}

// refuseCopyOf refuses what no copy here can have: a source under SSE-C.
func (c *call) refuseCopyOf() error {
	if c.r.Header.Get(headerCopySSEC) != "" {
		return notImplemented(c.op.name + " of a source with SSE-C")
	}
	return nil
}

// copyTags authorizes that the tags of the source go with it: it takes the permission
// to read them there and to put them here
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/tagging-managing.html).
func (s *Service) copyTags(ctx context.Context, c, source *call, o object) error {
	if len(o.Tags) == 0 {
		return nil
	}
	if err := s.permit(ctx, source, s.checks(source, "s3:GetObjectTagging", &source.target.key, existingTags(o.Tags))); err != nil {
		return err
	}
	add := append(writing(c.r, true), requestObjectTags(o.Tags))
	checks := s.checks(c, "s3:PutObjectTagging", &c.target.key, add...)
	return s.permit(ctx, c, append(checks, s.checks(c, "s3:PutObject", &c.target.key, add...)...))
}

// directive reads x-amz-metadata-directive or x-amz-tagging-directive.
func (c *call) directive(name string) (replace bool, err error) {
	switch v := c.r.Header.Get(name); v {
	case "", "COPY":
		return false, nil
	case "REPLACE":
		return true, nil
	default:
		return false, &api.Error{Status: http.StatusBadRequest, Code: "InvalidArgument", Message: "Unknown directive: the valid values are COPY and REPLACE.",
			Extra: [][2]string{{"ArgumentName", strings.ToLower(name)}, {"ArgumentValue", v}}}
	}
}
