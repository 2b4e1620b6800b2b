package sigv4

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// canonicalRequest returns the text whose hash is signed. It is derived from the
// parsed request that the services act on, so that what is verified and what is
// executed cannot differ.
func (a *Auth) canonicalRequest(r *http.Request, payloadHash string) (string, error) {
	path, err := a.canonicalPath(r.URL.EscapedPath())
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(r.Method + "\n" + path + "\n" + canonicalQuery(a.query) + "\n")
	for _, name := range a.signedHeaders {
		b.WriteString(name + ":" + canonicalHeader(r, name) + "\n")
	}
	b.WriteString("\n" + strings.Join(a.signedHeaders, ";") + "\n" + payloadHash)
	return b.String(), nil
}

// canonicalPath encodes each segment anew, whatever the client chose to encode on
// the wire. S3 stops there: its keys may hold empty and dot segments. The other
// services normalize the path and encode it twice.
func (a *Auth) canonicalPath(escaped string) (string, error) {
	segments := strings.Split(strings.TrimPrefix(escaped, "/"), "/")
	if !a.s3() {
		segments = normalize(segments)
	}
	for i, s := range segments {
		raw, err := url.PathUnescape(s)
		if err != nil {
			return "", a.fail(BadRequest, "the path is not well-formed; percent-encode it: %v", err)
		}
		segments[i] = encode(raw)
		if !a.s3() {
			segments[i] = encode(segments[i])
		}
	}
	return "/" + strings.Join(segments, "/"), nil
}

// normalize removes empty and dot segments as RFC 3986 §5.2.4 does; a slash at the
// end stays.
func normalize(segments []string) []string {
	var out []string
	directory := false
	for _, s := range segments {
		directory = false
		switch s {
		case "", ".":
			directory = true
		case "..":
			out = out[:max(0, len(out)-1)]
			directory = true
		default:
			out = append(out, s)
		}
	}
	if directory && len(out) > 0 {
		out = append(out, "")
	}
	return out
}

// canonicalQuery sorts by encoded name, then by encoded value. The signature itself
// is left out.
func canonicalQuery(query url.Values) string {
	type pair struct{ name, value string }
	var pairs []pair
	for name, values := range query {
		if name == "X-Amz-Signature" {
			continue
		}
		for _, v := range values {
			pairs = append(pairs, pair{encode(name), encode(v)})
		}
	}
	slices.SortFunc(pairs, func(p, q pair) int {
		if c := strings.Compare(p.name, q.name); c != 0 {
			return c
		}
		return strings.Compare(p.value, q.value)
	})
	var b strings.Builder
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.name + "=" + p.value)
	}
	return b.String()
}

// canonicalHeader returns a header's values as they are signed: trimmed, runs of
// spaces as one, joined by commas. net/http keeps three headers elsewhere.
func canonicalHeader(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length":
		if r.Header.Get("Content-Length") == "" && r.ContentLength >= 0 {
			return strconv.FormatInt(r.ContentLength, 10)
		}
	case "transfer-encoding":
		return strings.Join(r.TransferEncoding, ",")
	}
	values := slices.Clone(r.Header.Values(name))
	for i, v := range values {
		values[i] = collapse(strings.Trim(v, " \t"))
	}
	return strings.Join(values, ",")
}

func collapse(s string) string {
	for strings.Contains(s, "  ") {
		s = strings.ReplaceAll(s, "  ", " ")
	}
	return s
}

// encode percent-encodes every byte but the unreserved characters of RFC 3986, in
// upper-case hex, as AWS's UriEncode does.
func encode(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(s))
	for i := range len(s) {
		c := s[i]
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9',
			c == '-', c == '_', c == '.', c == '~':
			b.WriteByte(c)
		default:
			b.WriteString("%" + string(hex[c>>4]) + string(hex[c&15]))
		}
	}
	return b.String()
}
