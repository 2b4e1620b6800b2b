package signin

import (
	"net/url"
	"path"
	"strings"
)

// local returns where a browser may be sent after it has signed in: a path of this server,
// or "/" for anything that some browser could read as another one. Browsers take a
// backslash for a slash, and leave out tabs and line ends (WHATWG URL §4.4).
func local(target string) string {
	u, err := url.Parse(target)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || u.Opaque != "" || !strings.HasPrefix(target, "/") {
		return "/"
	}
	for _, c := range target + u.Path {
		if c <= ' ' || c == '\\' || c == 0x7f {
			return "/"
		}
	}
	// What is written with escapes is held to the same: something on the way may read them.
	if strings.HasPrefix(target, "//") || strings.HasPrefix(u.Path, "//") || path.Clean(u.Path) != strings.TrimSuffix(u.Path, "/") && u.Path != "/" {
		return "/"
	}
	back := url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}
	return back.String()
}
