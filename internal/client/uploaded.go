package client

import (
	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/problem"
)

// Uploaded describes an artifact that was uploaded, and how that went.
type Uploaded struct {
	Artifact
	MediaType cas.MediaType `json:"mediaType"` // as it was sent
	// Created is false when the content was there already, and nothing was stored.
	Created bool `json:"created"`
	// ResumedFrom is how much of it an earlier run had sent, in bytes.
	ResumedFrom int64 `json:"resumedFrom,omitempty"`
}

// tell says what the user may want to know while a transfer goes on.
func (c *Client) tell(text string) {
	if c.cfg.Tell != nil {
		c.cfg.Tell(text)
	}
}

// unresumable holds when an upload can still be made, in one request: the server keeps no
// further unfinished one for the organization.
func unresumable(err error) bool {
	return problem.KindOf(err) == problem.Exhausted && problem.From(err).Reason() == cas.ReasonUploads
}
