package client

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/genproto/googleapis/bytestream"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/problem"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

// Download writes the artifact to w. Its last byte is written only if the digest
// agreed; on any error w has less than the artifact.
func (c *Client) Download(ctx context.Context, d digest.Digest, w io.Writer, progress Progress) (Artifact, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	call, err := c.casCall(ctx, controlplanev1.CASCredentialsServiceGetRequest_ROLE_DOWNLOADER, d)
	if err != nil {
		return Artifact{}, err
	}
	artifact, err := c.describe(call, d)
	if err != nil {
		return Artifact{}, err
	}
	var content io.Reader
	switch fetched, err := c.fetchDirectly(ctx, call, artifact, progress); {
	case err != nil:
		return Artifact{}, err
	case fetched != nil:
		defer fetched.Close()
		content = fetched
	default:
		if content, err = c.receive(call, artifact, 0, progress); err != nil {
			return Artifact{}, err
		}
	}
	out := &target{w: w}
	_, err = io.Copy(out, digest.Verify(content, d, artifact.Size))
	switch {
	case err == nil:
		return artifact, nil
	case out.err != nil:
		return Artifact{}, fmt.Errorf("writing the artifact: %w", out.err)
	case errors.Is(err, digest.ErrMismatch), errors.Is(err, digest.ErrLength):
		return Artifact{}, problem.Wrap(err, problem.Corrupt, "what arrived is not the artifact", "do not use it; try again, and tell the operator if it stays")
	}
	return Artifact{}, failed(err)
}

// receive begins to read the artifact from the CAS.
func (c *Client) receive(call context.Context, a Artifact, offset int64, progress Progress) (io.Reader, error) {
	stream, err := bytestream.NewByteStreamClient(c.artifactCAS).Read(call, &bytestream.ReadRequest{ResourceName: a.Digest.Hex(), ReadOffset: offset})
	if err != nil {
		return nil, failed(err)
	}
	return &received{stream: stream, total: a.Size, progress: progress}, nil
}

// received is a Read stream as an io.Reader.
type received struct {
	stream   bytestream.ByteStream_ReadClient
	data     []byte
	total    int64
	progress Progress
}

func (r *received) Read(p []byte) (int, error) {
	for len(r.data) == 0 {
		m, err := r.stream.Recv()
		if err != nil {
			return 0, err
		}
		r.data = m.GetData()
		if r.progress != nil {
			r.progress(int64(len(r.data)), r.total)
		}
	}
	n := copy(p, r.data)
	r.data = r.data[n:]
	return n, nil
}

// target remembers why it could not be written: a full disk here is no failure of a
// server.
type target struct {
	w   io.Writer
	err error
}

func (t *target) Write(p []byte) (int, error) {
	n, err := t.w.Write(p)
	t.err = err
	return n, err
}
