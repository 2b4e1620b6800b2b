package database

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

type uploadRow struct {
	bun.BaseModel `bun:"table:uploads"`

	ID         string `bun:",pk"`
	OrgID      string
	Digest     string
	Name       string
	Resumable  bool
	Length     int64
	FileName   string
	StorageID  string
	BackendID  string `bun:",nullzero"` // as of an artifactRow
	Committed  int64
	Hash       string
	Generation int64
	CreatedAt  time.Time
	UpdatedAt  time.Time
	ExpiresAt  time.Time
}

func rowOfUpload(u registry.Upload) uploadRow {
	return uploadRow{
		ID: u.ID.String(), OrgID: u.Org.String(), Digest: u.Digest.Hex(), Name: u.Name.String(),
		Resumable: u.Resumable, Length: u.Length, FileName: u.FileName, StorageID: u.StorageID, BackendID: backendID(u.Backend),
		Committed: u.Committed, Hash: base64.StdEncoding.EncodeToString(u.Hash), Generation: u.Generation,
		CreatedAt: instant(u.CreatedAt), UpdatedAt: instant(u.UpdatedAt), ExpiresAt: instant(u.ExpiresAt),
	}
}

func (r uploadRow) upload() (u registry.Upload, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("read upload row %s: %w", r.ID, err)
		}
	}()
	u = registry.Upload{
		Resumable: r.Resumable, Length: r.Length, FileName: r.FileName, StorageID: r.StorageID,
		Committed: r.Committed, Generation: r.Generation,
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
	}
	if u.ID, err = uuid.Parse(r.ID); err != nil {
		return u, err
	}
	if u.Name, err = uuid.Parse(r.Name); err != nil {
		return u, err
	}
	if u.Org, err = org.ParseID(r.OrgID); err != nil {
		return u, err
	}
	if u.Digest, err = digest.ParseHex(r.Digest); err != nil {
		return u, err
	}
	if u.Backend, err = parseBackendID(r.BackendID); err != nil {
		return u, err
	}
	u.Hash, err = base64.StdEncoding.DecodeString(r.Hash)
	return u, err
}

type uploadPartRow struct {
	bun.BaseModel `bun:"table:upload_parts"`

	UploadID string `bun:",pk"`
	Number   int    `bun:",pk"`
	Size     int64
	ETag     string `bun:"etag"`
	CRC      string `bun:"crc"`
}

func rowsOfParts(id uuid.UUID, parts []registry.UploadPart) []uploadPartRow {
	rows := make([]uploadPartRow, len(parts))
	for i, p := range parts {
		rows[i] = uploadPartRow{UploadID: id.String(), Number: p.Number, Size: p.Size, ETag: p.ETag, CRC: strconv.FormatUint(p.CRC, 16)}
	}
	return rows
}

func (r uploadPartRow) part() (registry.UploadPart, error) {
	crc, err := strconv.ParseUint(r.CRC, 16, 64)
	if err != nil {
		return registry.UploadPart{}, fmt.Errorf("read part %d of upload row %s: %w", r.Number, r.UploadID, err)
	}
	return registry.UploadPart{Number: r.Number, Size: r.Size, ETag: r.ETag, CRC: crc}, nil
}
