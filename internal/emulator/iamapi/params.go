package iamapi

import (
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/awsquery"
)

// path reads the optional Path, "/" by default. Roles and users allow all visible
// ASCII characters in it, policies only those of a policy name.
func (c *call) path(policy bool) string {
	limits := awsquery.Limits{Min: 1, Max: 512, Match: isPath, Pattern: `(\u002F)|(\u002F[\u0021-\u007E]+\u002F)`}
	if policy {
		limits.Match, limits.Pattern = isPolicyPath, `((/[A-Za-z0-9\.,\+@=_-]+)*)/`
	}
	if path := c.Text("Path", limits); path != "" {
		return path
	}
	return "/"
}

func (c *call) pathPrefix() string {
	return c.Text("PathPrefix", awsquery.Limits{
		Min: 1, Max: 512, Match: func(s string) bool { return strings.HasPrefix(s, "/") && visible(s) },
		Pattern: `\u002F[\u0021-\u007F]*`,
	})
}

func (c *call) description() string {
	return c.Text("Description", awsquery.Limits{Max: 1000})
}

// document reads a policy document as far as the protocol limits it.
func (c *call) document(name string) string {
	return c.Text(name, awsquery.Limits{
		Required: true, Min: 1, Max: 131072, Match: awsquery.PolicyText,
		Pattern: `[\u0009\u000A\u000D\u0020-\u00FF]+`,
	})
}

func (c *call) arn(name string) string {
	return c.Text(name, awsquery.Limits{Required: true, Min: 20, Max: 2048})
}

func (c *call) optionalARN(name string) string {
	return c.Text(name, awsquery.Limits{Min: 20, Max: 2048})
}

func isPath(s string) bool {
	return s == "/" || len(s) > 2 && s[0] == '/' && s[len(s)-1] == '/' && visible(s)
}

func isPolicyPath(s string) bool {
	if s == "/" {
		return true
	}
	if len(s) < 3 || s[0] != '/' || s[len(s)-1] != '/' {
		return false
	}
	for part := range strings.SplitSeq(s[1:len(s)-1], "/") {
		if part == "" || !awsquery.NameText(part) {
			return false
		}
	}
	return true
}

// visible reports whether s is of visible ASCII characters.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] < 0x21 || s[i] > 0x7E {
			return false
		}
	}
	return true
}
