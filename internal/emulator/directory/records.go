package directory

import "time"

// Principal is what roles and users have in common.
type Principal struct {
	Name    string
	Path    string // begins and ends with "/"
	ARN     string
	ID      string // AROA… or AIDA…; a recreated principal has another one
	Created time.Time
	Tags    map[string]string

	Inline   map[string]string // policy name to document, as put
	Attached []string          // ARNs of managed policies, in the order of attachment
	Boundary string            // ARN of a managed policy; empty: none
}

// Role is an IAM role.
type Role struct {
	Principal
	Description        string
	Trust              []byte // trust policy in bound form (gate.Principals)
	MaxSessionDuration time.Duration
}

// User is an IAM user.
type User struct {
	Principal
	AccessKeyIDs []string
}

// Policy is a managed policy without its documents.
type Policy struct {
	Name        string
	Path        string
	ARN         string
	ID          string // ANPA…
	Description string
	Created     time.Time
	Updated     time.Time
	Tags        map[string]string

	Default  string // id of the default version
	Versions []VersionInfo
	Issued   int // versions ever created; ids are never used again
}

// VersionInfo is a version without its document.
type VersionInfo struct {
	ID      string // "v1"
	Created time.Time
}

// Version is one version of a managed policy.
type Version struct {
	VersionInfo
	Document string // as put
}

// AccessKey is a pair of long-term credentials.
type AccessKey struct {
	ID       string // AKIA…
	Secret   string
	UserName string // empty: the account's root user
	Inactive bool
	Created  time.Time
}
