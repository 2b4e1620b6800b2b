package controlplane

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// maxDigests bounds one question about what is missing: an answer takes some milliseconds
// and 64 KiB.
const maxDigests = 1000

type artifacts struct {
	managedcasv1.UnimplementedArtifactServiceServer
	server *Server
}

// List returns a page of the organization's artifacts, the newest first.
func (a artifacts) List(ctx context.Context, req *managedcasv1.ArtifactServiceListRequest) (*managedcasv1.ArtifactServiceListResponse, error) {
	o, err := callerOrganization(ctx)
	if err != nil {
		return nil, err
	}
	limit, err := pageLimit(req.GetLimit())
	if err != nil {
		return nil, err
	}
	from, err := parseCursor(req.GetCursor())
	if err != nil {
		return nil, errCursor(err)
	}
	// One more than asked for says whether there is a next page.
	page, err := a.server.cfg.Store.Artifacts(ctx, o.ID, from.storedAt, from.digest, limit+1)
	if err != nil {
		return nil, unavailable(err)
	}
	resp := &managedcasv1.ArtifactServiceListResponse{}
	if len(page) > limit {
		page = page[:limit]
		resp.NextCursor = cursor{page[limit-1].StoredAt, page[limit-1].Digest}.String()
	}
	for _, record := range page {
		resp.Artifacts = append(resp.Artifacts, artifactItem(record))
	}
	return resp, nil
}

// FindMissing returns which artifacts the organization does not have.
func (a artifacts) FindMissing(ctx context.Context, req *managedcasv1.ArtifactServiceFindMissingRequest) (*managedcasv1.ArtifactServiceFindMissingResponse, error) {
	o, err := callerOrganization(ctx)
	if err != nil {
		return nil, err
	}
	if n := len(req.GetDigests()); n > maxDigests {
		return nil, problem.New(problem.Invalid, fmt.Sprintf("%d digests in one call", n), fmt.Sprintf("ask for at most %d at a time", maxDigests))
	}
	asked := make([]digest.Digest, len(req.GetDigests()))
	for i, text := range req.GetDigests() {
		if asked[i], err = digest.Parse(text); err != nil {
			return nil, cas.Problem(err)
		}
	}
	missing, err := a.server.cfg.Store.MissingArtifacts(ctx, o.ID, asked)
	if err != nil {
		return nil, unavailable(err)
	}
	resp := &managedcasv1.ArtifactServiceFindMissingResponse{}
	for _, d := range missing {
		resp.Digests = append(resp.Digests, d.String())
	}
	return resp, nil
}

func artifactItem(a registry.Artifact) *managedcasv1.Artifact {
	return &managedcasv1.Artifact{
		Digest: a.Digest.String(), Size: a.Size, FileName: a.FileName,
		MediaType: cas.MediaType(a.MediaType).String(), Uploader: a.Uploader, StoredAt: timestamp(a.StoredAt),
	}
}

// cursor is the last entry of a page. It names a place in time and no organization: that
// comes from the caller alone (DESIGN I1).
type cursor struct {
	storedAt time.Time
	digest   digest.Digest
}

// String returns 8 bytes of microseconds and 64 of hexadecimal digits, as base64.
func (c cursor) String() string {
	raw := binary.BigEndian.AppendUint64(nil, uint64(c.storedAt.UnixMicro()))
	return base64.RawURLEncoding.EncodeToString(append(raw, c.digest.Hex()...))
}

func parseCursor(text string) (cursor, error) {
	if text == "" {
		return cursor{}, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return cursor{}, err
	}
	if len(raw) < 8 {
		return cursor{}, errors.New("it is too short")
	}
	at := time.UnixMicro(int64(binary.BigEndian.Uint64(raw))).UTC()
	if at.Year() < 1 || at.Year() > 9999 { // as a database writes years
		return cursor{}, errors.New("it is out of time")
	}
	d, err := digest.ParseHex(string(raw[8:]))
	return cursor{at, d}, err
}
