package database

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

type artifactRow struct {
	bun.BaseModel `bun:"table:artifacts"`

	OrgID     string `bun:",pk"`
	Digest    string `bun:",pk"`
	Size      int64
	FileName  string
	MediaType string
	Uploader  string
	StoredAt  time.Time
	BackendID string `bun:",nullzero"` // null: the managed one
}

// backendID is how a row names the storage backend of an artifact or an upload.
func backendID(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}

func parseBackendID(text string) (uuid.UUID, error) {
	if text == "" {
		return uuid.Nil, nil
	}
	return uuid.Parse(text)
}

func rowOfArtifact(a registry.Artifact) artifactRow {
	return artifactRow{
		OrgID: a.Org.String(), Digest: a.Digest.Hex(), Size: a.Size, FileName: a.FileName,
		MediaType: a.MediaType, Uploader: a.Uploader, StoredAt: instant(a.StoredAt), BackendID: backendID(a.Backend),
	}
}

func (r artifactRow) artifact() (registry.Artifact, error) {
	id, err := org.ParseID(r.OrgID)
	if err != nil {
		return registry.Artifact{}, fmt.Errorf("read artifact row: %w", err)
	}
	d, err := digest.ParseHex(r.Digest)
	if err != nil {
		return registry.Artifact{}, fmt.Errorf("read artifact row: %w", err)
	}
	backend, err := parseBackendID(r.BackendID)
	if err != nil {
		return registry.Artifact{}, fmt.Errorf("read artifact row: %w", err)
	}
	return registry.Artifact{
		Org: id, Digest: d, Size: r.Size, FileName: r.FileName,
		MediaType: r.MediaType, Uploader: r.Uploader, StoredAt: r.StoredAt.UTC(), Backend: backend,
	}, nil
}

// AddArtifacts adds the entries that are missing, all in one transaction, and leaves those
// that are there as they are, but for the storage backend: where it was stored last is where
// it can be had. Unlike every other write, what it wrote may be lost when the machine loses
// power: the catalogue can be rebuilt, and need not wait for the disk. It fails with
// registry.ErrNotFound when one of the organizations does not exist.
func (db *DB) AddArtifacts(ctx context.Context, artifacts []registry.Artifact) error {
	if len(artifacts) == 0 {
		return nil
	}
	rows := make([]artifactRow, len(artifacts))
	for i, a := range artifacts {
		rows[i] = rowOfArtifact(a)
	}
	// In one order everywhere: two batches that share keys would wait for each other.
	slices.SortStableFunc(rows, func(a, b artifactRow) int {
		return cmp.Or(cmp.Compare(a.OrgID, b.OrgID), cmp.Compare(a.Digest, b.Digest))
	})
	rows = once(rows)
	if err := db.addArtifacts(ctx, rows); err != nil {
		return fmt.Errorf("add %d artifacts: %w", len(artifacts), classify(err))
	}
	return nil
}

// once leaves one row of each artifact, as it was first stored and where it was last: a
// statement changes a row once at most.
func once(sorted []artifactRow) []artifactRow {
	rows := sorted[:1]
	for _, r := range sorted[1:] {
		if last := &rows[len(rows)-1]; last.OrgID == r.OrgID && last.Digest == r.Digest {
			last.BackendID = r.BackendID
		} else {
			rows = append(rows, r)
		}
	}
	return rows
}

// addArtifacts is one statement, and so all or nothing. SQLite's connection need not wait
// for the disk; PostgreSQL's is told so in a transaction of its own, since the next
// statement on it may be somebody else's (SET LOCAL).
func (db *DB) addArtifacts(ctx context.Context, rows []artifactRow) error {
	insert := func(ctx context.Context, in bun.IDB) error {
		_, err := in.NewInsert().Model(&rows).On("CONFLICT (org_id, digest) DO UPDATE").
			Set("backend_id = EXCLUDED.backend_id").
			Where("?TableAlias.backend_id IS DISTINCT FROM EXCLUDED.backend_id").Exec(ctx)
		return err
	}
	switch {
	case db.addArtifact.Stmt != nil && len(rows) == 1:
		return db.addOne(ctx, rows[0])
	case db.relaxed.Dialect().Name() != dialect.PG:
		return insert(ctx, db.relaxed)
	}
	return db.relaxed.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.ExecContext(ctx, "SET LOCAL synchronous_commit = off"); err != nil {
			return err
		}
		return insert(ctx, tx)
	})
}

// addArtifactSQL is what addArtifacts has bun write for one row. SQLite takes as long to
// read it as to carry it out, and a lone upload waits for both: it is prepared once.
const addArtifactSQL = `INSERT INTO artifacts (org_id, digest, size, file_name, media_type, uploader, stored_at, backend_id)
VALUES (?, ?, ?, ?, ?, ?, ?, nullif(?, '')) ON CONFLICT (org_id, digest) DO UPDATE SET backend_id = EXCLUDED.backend_id
WHERE artifacts.backend_id IS DISTINCT FROM EXCLUDED.backend_id`

func (db *DB) addOne(ctx context.Context, r artifactRow) error {
	// The driver has a format of its own for times, which would not sort with bun's.
	storedAt := strings.Trim(string(db.relaxed.Dialect().AppendTime(nil, r.StoredAt)), "'")
	_, err := db.addArtifact.ExecContext(ctx, r.OrgID, r.Digest, r.Size, r.FileName, r.MediaType, r.Uploader, storedAt, r.BackendID)
	return err
}

// MissingArtifacts returns those of the digests that the organization has no entry for, in
// their order, each once. An entry in a storage backend that is gone or not valid does not
// count: nobody gets at it, and whoever has the bytes should store them again.
func (db *DB) MissingArtifacts(ctx context.Context, id org.ID, digests []digest.Digest) ([]digest.Digest, error) {
	if len(digests) == 0 {
		return nil, nil
	}
	texts := make([]string, len(digests))
	for i, d := range digests {
		texts[i] = d.Hex()
	}
	var found []string
	usable := db.read.NewSelect().Model((*backendRow)(nil)).Column("id").Where("org_id = ? AND status = ?", id.String(), string(registry.BackendValid))
	err := db.read.NewSelect().Model((*artifactRow)(nil)).Column("digest").
		Where("org_id = ? AND digest IN (?) AND (backend_id IS NULL OR backend_id IN (?))", id.String(), bun.List(texts), usable).Scan(ctx, &found)
	if err != nil {
		return nil, fmt.Errorf("look for artifacts of %s: %w", id, classify(err))
	}
	return without(digests, texts, found), nil
}

// MisplacedArtifacts is MissingArtifacts for one storage backend: an entry in another one
// does not count, nor whether this one is valid. Nil is the managed one.
func (db *DB) MisplacedArtifacts(ctx context.Context, id org.ID, backend uuid.UUID, digests []digest.Digest) ([]digest.Digest, error) {
	if len(digests) == 0 {
		return nil, nil
	}
	texts := make([]string, len(digests))
	for i, d := range digests {
		texts[i] = d.Hex()
	}
	query := db.read.NewSelect().Model((*artifactRow)(nil)).Column("digest").Where("org_id = ? AND digest IN (?)", id.String(), bun.List(texts))
	if backend == uuid.Nil {
		query = query.Where("backend_id IS NULL")
	} else {
		query = query.Where("backend_id = ?", backend.String())
	}
	var found []string
	if err := query.Scan(ctx, &found); err != nil {
		return nil, fmt.Errorf("look for artifacts of %s in storage backend %s: %w", id, backend, classify(err))
	}
	return without(digests, texts, found), nil
}

// without returns the digests, whose texts are texts, but for those found; each once.
func without(digests []digest.Digest, texts, found []string) []digest.Digest {
	seen := make(map[string]bool, len(digests))
	for _, text := range found {
		seen[text] = true
	}
	var missing []digest.Digest
	for i, text := range texts {
		if !seen[text] {
			seen[text] = true
			missing = append(missing, digests[i])
		}
	}
	return missing
}

// ArtifactBackend returns the storage backend that has the artifact, Nil for the managed
// one; registry.ErrNotFound when there is no entry.
func (db *DB) ArtifactBackend(ctx context.Context, id org.ID, d digest.Digest) (uuid.UUID, error) {
	var row artifactRow
	err := db.read.NewSelect().Model(&row).Column("backend_id").Where("org_id = ? AND digest = ?", id.String(), d.Hex()).Scan(ctx)
	if err != nil {
		return uuid.Nil, fmt.Errorf("look for artifact %s of %s: %w", d, id, classify(err))
	}
	return parseBackendID(row.BackendID)
}

// Artifacts returns a page of the organization's entries, the newest first: up to limit of
// those that come after the entry of digest d that was stored at t. The zero time is
// before the newest.
func (db *DB) Artifacts(ctx context.Context, id org.ID, t time.Time, d digest.Digest, limit int) ([]registry.Artifact, error) {
	var rows []artifactRow
	query := db.read.NewSelect().Model(&rows).Where("org_id = ?", id.String()).
		Order("stored_at DESC", "digest DESC").Limit(int64(limit))
	if !t.IsZero() {
		query = query.Where("(stored_at, digest) < (?, ?)", instant(t), d.Hex())
	}
	if err := query.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list artifacts of %s: %w", id, classify(err))
	}
	return recordsOf(rows, artifactRow.artifact)
}
