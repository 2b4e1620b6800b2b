package database_test

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// BenchmarkAddArtifacts is what an upload waits for, and what one costs when many share a
// transaction.
func BenchmarkAddArtifacts(b *testing.B) {
	for _, size := range []int{1, 16, 256} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			db, err := database.Open(b.Context(), filepath.Join(b.TempDir(), "managedcas.db"))
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			o := org.Organization{ID: org.NewID(), Name: "acme", State: org.Pending, CreatedAt: time.Now()}
			if err := db.CreateOrganization(b.Context(), o); err != nil {
				b.Fatal(err)
			}
			n := uint64(0)
			for b.Loop() {
				batch := make([]registry.Artifact, size)
				for i := range batch {
					n++
					batch[i] = registry.Artifact{
						Org: o.ID, Digest: digest.Of(binary.BigEndian.AppendUint64(nil, n)), Size: 4096, FileName: "sbom.json",
						MediaType: "application/json", Uploader: "ci/" + o.ID.String(), StoredAt: time.Now(),
					}
				}
				if err := db.AddArtifacts(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
