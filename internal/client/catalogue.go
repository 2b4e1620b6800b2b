package client

import (
	"context"
	"time"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/problem"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// Entry is an entry of the catalogue.
type Entry struct {
	Artifact
	MediaType string    `json:"mediaType"`
	Uploader  string    `json:"uploader,omitempty"`
	StoredAt  time.Time `json:"storedAt"`
}

// The limits of one call.
const (
	pageEntries = 100
	pageDigests = 1000
)

// Artifacts lists the artifacts of the organization, the newest first, at most limit of
// them; 0: all.
func (c *Client) Artifacts(ctx context.Context, limit int) ([]Entry, error) {
	entries := []Entry{}
	service := managedcasv1.NewArtifactServiceClient(c.controlPlane)
	for cursor := ""; ; {
		page := pageEntries
		if limit > 0 {
			page = min(page, limit-len(entries))
		}
		answer, err := service.List(c.call(ctx), &managedcasv1.ArtifactServiceListRequest{Cursor: cursor, Limit: int32(page)})
		if err != nil {
			return nil, failed(err)
		}
		for _, a := range answer.GetArtifacts() {
			d, err := digest.Parse(a.GetDigest())
			if err != nil {
				return nil, unreadableAnswer(err)
			}
			entries = append(entries, Entry{
				Artifact:  Artifact{Digest: d, Size: a.GetSize(), FileName: a.GetFileName()},
				MediaType: a.GetMediaType(), Uploader: a.GetUploader(), StoredAt: a.GetStoredAt().AsTime(),
			})
		}
		switch next := answer.GetNextCursor(); {
		case next == "" || limit > 0 && len(entries) >= limit:
			return entries, nil
		case next == cursor: // it would go on for ever
			return nil, problem.New(problem.Internal, "the server repeats a page", "upgrade the server")
		default:
			cursor = next
		}
	}
}

// Missing returns which of the digests the organization does not have.
func (c *Client) Missing(ctx context.Context, digests []digest.Digest) ([]digest.Digest, error) {
	missing := []digest.Digest{}
	service := managedcasv1.NewArtifactServiceClient(c.controlPlane)
	for len(digests) > 0 {
		n := min(pageDigests, len(digests))
		texts := make([]string, n)
		for i, d := range digests[:n] {
			texts[i] = d.String()
		}
		digests = digests[n:]
		answer, err := service.FindMissing(c.call(ctx), &managedcasv1.ArtifactServiceFindMissingRequest{Digests: texts})
		if err != nil {
			return nil, failed(err)
		}
		for _, text := range answer.GetDigests() {
			d, err := digest.Parse(text)
			if err != nil {
				return nil, unreadableAnswer(err)
			}
			missing = append(missing, d)
		}
	}
	return missing, nil
}

func unreadableAnswer(err error) error {
	return problem.Wrap(err, problem.Internal, "the server answered with something that is no digest", "is this the address of a control plane?")
}
