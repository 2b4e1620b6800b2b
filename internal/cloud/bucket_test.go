package cloud_test

import (
	"testing"

	"github.com/managedcas/managedcas/internal/cloud"
)

func TestUploadDays(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rules []cloud.LifecycleRule
		want  int
	}{
		"no rule":          {nil, 0},
		"the shortest":     {[]cloud.LifecycleRule{{Enabled: true, UploadDays: 7}, {Enabled: true, UploadDays: 3}}, 3},
		"a disabled rule":  {[]cloud.LifecycleRule{{UploadDays: 7}}, 0},
		"part of the keys": {[]cloud.LifecycleRule{{Enabled: true, UploadDays: 7, Prefix: "logs/"}}, 0},
		"some tags":        {[]cloud.LifecycleRule{{Enabled: true, UploadDays: 7, Narrowed: true}}, 0},
		"another action":   {[]cloud.LifecycleRule{{Enabled: true, Expires: true}}, 0},
	} {
		if got := cloud.UploadDays(test.rules); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}
