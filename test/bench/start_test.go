package bench

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/managedcas/managedcas/internal/emulator"
	"github.com/managedcas/managedcas/internal/emulator/directory"
	"github.com/managedcas/managedcas/internal/emulator/s3state"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// BenchmarkStart opens an account of 10,000 organizations: an access point and a
// session policy for each.
func BenchmarkStart(b *testing.B) {
	cfg := emulator.Config{Dir: b.TempDir(), AccountID: "123456789012", Region: region}
	fill(b, cfg, 10_000)
	for b.Loop() {
		account, err := emulator.Open(cfg)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := account.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// fill writes the records themselves: through the API it would take minutes.
func fill(b *testing.B, cfg emulator.Config, n int) {
	db, err := state.Open(filepath.Join(cfg.Dir, "state.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	identities, err := directory.Open(db, cfg.AccountID, nil)
	if err != nil {
		b.Fatal(err)
	}
	const document = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"%s/object/%d/*"}]}`
	err = identities.Update(func(tx directory.Tx) error {
		for i := range n {
			v := directory.VersionInfo{ID: "v1"}
			name := fmt.Sprint("policy", i)
			p := directory.Policy{
				Name: name, Path: "/", ARN: "arn:aws:iam::" + cfg.AccountID + ":policy/" + name,
				ID: directory.NewID(directory.KindPolicy), Default: v.ID, Versions: []directory.VersionInfo{v}, Issued: 1,
			}
			text := fmt.Sprintf(document, "arn:aws:s3:*:*:accesspoint/*", i)
			if err := directory.Versions.Put(tx, directory.VersionKey(p.ID, v.ID), directory.Version{VersionInfo: v, Document: text}); err != nil {
				return err
			}
			if err := directory.Policies.Put(tx, name, p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	err = db.Update(func(tx state.Tx) error {
		for i := range n {
			ap := s3state.AccessPoint{Name: fmt.Sprint("point", i), AccountID: cfg.AccountID, Region: cfg.Region, Bucket: bucket}
			ap.Policy = fmt.Appendf(nil, document, ap.ARN(), i)
			if err := s3state.AccessPoints.Put(tx, s3state.AccessPointKey(ap.AccountID, ap.Name), ap); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}
