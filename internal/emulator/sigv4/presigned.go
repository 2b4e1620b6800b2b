package sigv4

import (
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// parsePresigned reads the query form:
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html.
func parsePresigned(r *http.Request, query url.Values) (*Auth, error) {
	a := &Auth{Presigned: true}
	get := func(name string) (string, error) {
		switch values := query[name]; {
		case len(values) == 1 && values[0] != "":
			return values[0], nil
		case len(values) > 1:
			return "", a.fail(Malformed, "the query parameter %s is repeated", name)
		}
		return "", a.fail(Malformed, "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.")
	}
	scheme, err := get("X-Amz-Algorithm")
	if err != nil {
		return nil, err
	}
	if scheme != algorithm {
		return nil, unsupported(schemeName(scheme))
	}
	for _, field := range []struct {
		name  string
		parse func(string) error
	}{
		{"X-Amz-Credential", a.parseCredential},
		{"X-Amz-SignedHeaders", a.parseSignedHeaders},
		{"X-Amz-Signature", a.parseSignature},
		{"X-Amz-Date", a.parseQueryTime},
	} {
		value, err := get(field.name)
		if err != nil {
			return nil, err
		}
		if err := field.parse(value); err != nil {
			return nil, err
		}
	}
	a.Expires = MaxSkew // what services other than S3 assume when it is absent
	if a.s3() || query.Has("X-Amz-Expires") {
		value, err := get("X-Amz-Expires")
		if err != nil {
			return nil, err
		}
		if err := a.parseExpires(value); err != nil {
			return nil, err
		}
	}
	if query.Has("X-Amz-Security-Token") {
		if a.SessionToken, err = get("X-Amz-Security-Token"); err != nil {
			return nil, err
		}
	} else if a.SessionToken, err = a.single(r.Header, "X-Amz-Security-Token"); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *Auth) parseQueryTime(value string) (err error) {
	if a.Time, err = time.Parse(timeFormat, value); err != nil {
		return a.fail(Malformed, "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
	}
	return nil
}

func (a *Auth) parseExpires(value string) error {
	seconds, err := strconv.Atoi(value)
	switch {
	case err != nil:
		return a.fail(Malformed, "X-Amz-Expires should be a number")
	case seconds < 1:
		return a.fail(Malformed, "X-Amz-Expires must be at least 1 (second)")
	case seconds > int(MaxExpires.Seconds()):
		return a.fail(Malformed, "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds")
	}
	a.Expires = time.Duration(seconds) * time.Second
	return nil
}
