package provision_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// An installation that begins to purge gets one role more, and only its own documents
// change. One that stops keeps the role, which nothing trusts or excepts any more.
func TestPurgeRole(t *testing.T) {
	t.Parallel()
	_, c := emulated(t)
	if _, err := apply(t, names(), c); err != nil {
		t.Fatal(err)
	}
	purging := names()
	purging.PurgeRoleName = "tenant-purge"
	want := []string{
		"create purge role tenant-purge",
		"put the permissions of role tenant-purge",
		"put the permissions of role backend",
		"replace the policy of bucket artifacts",
	}
	if diff := cmp.Diff(want, plan(t, purging, c)); diff != "" {
		t.Fatalf("plan (-want +got):\n%s", diff)
	}
	if _, err := apply(t, purging, c); err != nil {
		t.Fatal(err)
	}
	if left := plan(t, purging, c); len(left) != 0 {
		t.Errorf("left to do: %v", left)
	}
	if left := plan(t, names(), c); !slices.Equal(left, want[2:]) {
		t.Errorf("back again: %v, want %v", left, want[2:])
	}
}
