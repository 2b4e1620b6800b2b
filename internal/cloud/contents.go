package cloud

// Contents is what a bucket holds, counted.
type Contents struct {
	Versions      int // of objects; in a bucket without versions each object is one
	DeleteMarkers int
	Uploads       int // in parts, unfinished
	// More: counting ended at its bound, and there is more.
	More bool
}

// Empty reports whether nothing at all is in the bucket.
func (c Contents) Empty() bool { return c == Contents{} }

// RolePolicies are the names of what is attached to a role.
type RolePolicies struct {
	Inline   []string
	Attached []string // ARNs of managed policies
}
