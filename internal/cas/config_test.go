package cas_test

import (
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/cas"
)

// Each limit of a Store holds on both sides, and is called by the operator's name for it.
func TestConfigLimits(t *testing.T) {
	t.Parallel()
	const mib, gib = 1 << 20, 1 << 30
	for _, row := range []struct {
		cfg  cas.Config
		want string // "" if it is taken
	}{
		{cas.Config{}, ""},
		{cas.Config{SinglePutMax: 1}, ""},
		{cas.Config{SinglePutMax: -1}, "singlePutMax"},
		{cas.Config{SinglePutMax: 5 * gib}, ""},
		{cas.Config{SinglePutMax: 5*gib + 1}, "singlePutMax"},
		{cas.Config{PartSize: 5 * mib}, ""},
		{cas.Config{PartSize: 5*mib - 1}, "partSize"},
		{cas.Config{PartSize: -1}, "partSize"},
		{cas.Config{PartSize: gib}, ""},
		{cas.Config{PartSize: gib + 1}, "partSize"},
		{cas.Config{Memory: 21 * mib}, ""},
		{cas.Config{Memory: 21*mib - 1}, "uploadMemory"},
		{cas.Config{Memory: -1}, "uploadMemory"},
		{cas.Config{PartSize: 10 * mib, Memory: 41 * mib}, ""},
		{cas.Config{PartSize: 10 * mib, Memory: 41*mib - 1}, "uploadMemory"},
	} {
		row.cfg.Ledger = struct{ cas.Ledger }{} // which is not asked
		_, err := cas.New(row.cfg)
		if (err != nil) != (row.want != "") || err != nil && !strings.HasPrefix(err.Error(), row.want+" of ") {
			t.Errorf("%+v: %v, want %q", row.cfg, err, row.want)
		}
	}
}
