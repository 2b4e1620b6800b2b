package s3api

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// The states of a bucket's versioning, besides "" for one that never had it.
const (
	versioningEnabled   = "Enabled"
	versioningSuspended = "Suspended"
)

// nullVersion is how requests name the version that was written while versioning was
// not enabled: https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html.
const nullVersion = "null"

// version tells the versions of one key apart.
type version struct {
	VersionID string `json:",omitempty"` // "" is the null version
	// Order sorts the versions of a key, the newest first. It is stamped when the
	// version is recorded and does not depend on the clock going forward.
	Order string `json:",omitempty"`
	// Marker says that this is a delete marker: no content, and as the newest version
	// it hides the others.
	Marker bool `json:",omitempty"`
}

// id is the version as answers name it.
func (v version) id() string { return cmp.Or(v.VersionID, nullVersion) }

// Both halves of a version id have this length: the order, so that a listing can go
// on behind a version that is gone, and what nobody can guess.
const orderLength = 16

// oldest is the order of records that have none: they are from before versions were kept.
const oldest = "ffffffffffffffff"

// orderAfter returns the order of a version that is newer than one of order newest.
func orderAfter(newest string, now time.Time) string {
	n := uint64(math.MaxInt64 - now.UnixNano())
	if than, err := strconv.ParseUint(newest, 16, 64); err == nil && n >= than {
		n = than - 1
	}
	return fmt.Sprintf("%0*x", orderLength, n)
}

func newVersionID(order string) string { return order + rand.Text()[:orderLength] }

// orderOf returns the order that a version id holds, "" for the null version.
func orderOf(id string) string {
	if len(id) != 2*orderLength {
		return ""
	}
	return id[:orderLength]
}

func checkVersionID(id string) error {
	switch {
	case id == "":
		return invalidArgument("versionId", id, "Version id cannot be the empty string")
	case id != nullVersion && (len(id) != 2*orderLength || strings.Trim(id[:orderLength], "0123456789abcdef") != ""):
		return invalidArgument("versionId", id, "Invalid version id specified")
	}
	return nil
}

// versionID returns the version that the request names, "" for none.
func (c *call) versionID() string { return c.query.Get("versionId") }

// onVersions are the operations that may name a version.
var onVersions = map[string]bool{
	"GetObject": true, "HeadObject": true, "DeleteObject": true, "GetObjectAttributes": true,
	"PutObjectTagging": true, "GetObjectTagging": true, "DeleteObjectTagging": true,
	"GetObjectAcl": true, "PutObjectAcl": true,
}

// checkVersion refuses a version that cannot be, and operations that have none.
func (c *call) checkVersion() error {
	if !c.query.Has("versionId") {
		return nil
	}
	if !onVersions[c.op.name] || len(c.query["versionId"]) > 1 {
		return notImplemented(c.op.name + " with versionId")
	}
	return checkVersionID(c.versionID())
}

const (
	headerVersionID = "X-Amz-Version-Id"
	headerMarker    = "X-Amz-Delete-Marker"
)

// tellVersion names the version that was read, if the bucket has versions.
func (c *call) tellVersion(v version) {
	if c.target.bucket.Versioning != "" {
		c.w.Header().Set(headerVersionID, v.id())
	}
}

// tellNewVersion names the version that was written. S3 names none for the null
// version of a bucket whose versioning is suspended.
func (c *call) tellNewVersion(v version) {
	if v.VersionID != "" {
		c.w.Header().Set(headerVersionID, v.VersionID)
	}
}

// absent is the error of a key or version that is not there; o is the delete marker
// that hides the key, nil for none.
func (c *call) absent(o *object) error {
	if o != nil && !c.op.copies {
		c.w.Header().Set(headerMarker, "true")
		c.tellVersion(o.version)
	}
	if id := c.versionID(); id != "" {
		return &api.Error{Status: http.StatusNotFound, Code: "NoSuchVersion", Message: "The specified version does not exist.",
			Extra: [][2]string{{"Key", c.target.key}, {"VersionId", id}}}
	}
	return noSuchKey(c.target.key)
}

// isMarker is the error of a request for a version that is a delete marker: it can
// only be deleted (https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html).
func (c *call) isMarker(o object) error {
	if c.op.copies {
		return invalidRequest("The source of a copy request may not specifically refer to a delete marker by version id.")
	}
	h := c.w.Header()
	h.Set(headerMarker, "true")
	h.Set("Allow", http.MethodDelete)
	h.Set("Last-Modified", o.Modified.UTC().Format(http.TimeFormat))
	c.tellVersion(o.version)
	return methodNotAllowed(c.r.Method)
}
