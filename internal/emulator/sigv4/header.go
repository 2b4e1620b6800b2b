package sigv4

import (
	"net/http"
	"strings"
	"time"
)

// parseHeader reads "AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…".
func parseHeader(r *http.Request, value string) (*Auth, error) {
	a := &Auth{}
	scheme, rest, _ := strings.Cut(value, " ")
	if scheme != algorithm {
		return nil, unsupported(schemeName(scheme))
	}
	fields := make(map[string]string, 3)
	for part := range strings.SplitSeq(rest, ",") {
		name, v, ok := strings.Cut(strings.TrimSpace(part), "=")
		_, repeated := fields[name]
		switch {
		case !ok, repeated, name != "Credential" && name != "SignedHeaders" && name != "Signature":
			return nil, a.fail(Malformed, "expecting Credential=…, SignedHeaders=…, Signature=…, each once")
		}
		fields[name] = v
	}
	if err := a.parseCredential(fields["Credential"]); err != nil {
		return nil, err
	}
	if err := a.parseSignedHeaders(fields["SignedHeaders"]); err != nil {
		return nil, err
	}
	if err := a.parseSignature(fields["Signature"]); err != nil {
		return nil, err
	}
	var err error
	if a.SessionToken, err = a.single(r.Header, "X-Amz-Security-Token"); err != nil {
		return nil, err
	}
	a.Time, err = a.headerTime(r.Header)
	return a, err
}

// headerTime reads the time of signing: X-Amz-Date, or Date when there is none. A
// Date that nobody signed proves nothing, but then the credential scope's day and
// the string to sign still fix the time that the client used.
func (a *Auth) headerTime(h http.Header) (time.Time, error) {
	amz, err := a.single(h, "X-Amz-Date")
	if err != nil {
		return time.Time{}, err
	}
	if amz == "" {
		t, err := http.ParseTime(h.Get("Date"))
		if err != nil {
			return time.Time{}, a.fail(NoDate, "AWS authentication requires a valid Date or x-amz-date header")
		}
		return t.UTC(), nil
	}
	t, err := time.Parse(timeFormat, amz)
	if err != nil {
		return time.Time{}, a.fail(NoDate, "X-Amz-Date must look like %s", timeFormat)
	}
	return t, nil
}

// single returns the only value of a header: with two, the value that is verified
// and the value that is used could differ.
func (a *Auth) single(h http.Header, name string) (string, error) {
	values := h.Values(name)
	if len(values) > 1 {
		return "", a.fail(Malformed, "the header %s is repeated", name)
	}
	return h.Get(name), nil
}

// schemeName describes a scheme that is refused, without echoing what may be part
// of a credential.
func schemeName(scheme string) string {
	switch {
	case scheme == "AWS":
		return "Signature Version 2"
	case strings.HasPrefix(scheme, "AWS4-ECDSA-"):
		return "Signature Version 4A"
	}
	return "this Authorization scheme"
}
