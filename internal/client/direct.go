package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/problem"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// Direct says whether artifacts move between this client and S3 themselves. The zero
// value is Never.
type Direct string

// The ways of Direct.
const (
	Never  Direct = "never"
	Always Direct = "always"
	// Auto: if the installation recommends it, from directFrom bytes on; and if it fails,
	// through the CAS.
	Auto Direct = "auto"
)

// directFrom is where Auto begins, in bytes: below, asking costs more than it spares.
const directFrom = 8 << 20

// MarshalText implements encoding.TextMarshaler.
func (d Direct) MarshalText() ([]byte, error) { return []byte(d), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Direct) UnmarshalText(text []byte) error {
	switch way := Direct(text); way {
	case Never, Always, Auto:
		*d = way
		return nil
	}
	return fmt.Errorf("%q: auto, always or never", text)
}

func (d Direct) wanted(size int64) bool { return d == Always || d == Auto && size >= directFrom }

// Directly returns a client on the same connections whose artifacts go as d says.
func (c *Client) Directly(d Direct) *Client {
	copied := *c
	copied.direct, copied.storage = d, newStorage()
	return &copied
}

// uploadDirectly reports whether the artifact is stored, and whether it was not before. If
// it is not, and there is no error, it is to be sent through the CAS.
func (c *Client) uploadDirectly(ctx context.Context, file *os.File, a Artifact, media cas.MediaType, progress Progress) (stored, created bool, err error) {
	if !c.direct.wanted(a.Size) {
		return false, false, nil
	}
	// net/http may still be at it when the answer is there: the file's own offset is not
	// touched.
	content := &counted{r: io.NewSectionReader(file, 0, a.Size), total: a.Size, progress: progress}
	created, err = c.putDirectly(ctx, content, a, media)
	switch {
	case err == nil:
		return true, created, nil
	case c.direct == Always, ctx.Err() != nil:
		return false, false, err
	}
	content.takeBack()
	return false, false, nil
}

func (c *Client) putDirectly(ctx context.Context, content io.Reader, a Artifact, media cas.MediaType) (created bool, err error) {
	const role = controlplanev1.CASCredentialsServiceGetRequest_ROLE_UPLOADER
	call, err := c.casCall(ctx, role, a.Digest)
	if err != nil {
		return false, err
	}
	service := managedcasv1.NewDirectTransferServiceClient(c.artifactCAS)
	p, err := service.Presign(call, &managedcasv1.PresignRequest{
		Digest: a.Digest.Hex(), Operation: managedcasv1.PresignRequest_OPERATION_UPLOAD,
		Size: a.Size, FileName: a.FileName, MediaType: string(media), IfRecommended: c.direct == Auto,
	})
	if err != nil || p.GetStored() {
		return false, failed(err)
	}
	answer, err := c.storage.send(ctx, p, http.MethodPut, content, a.Size)
	if err != nil {
		return false, err
	}
	if err := answer.Body.Close(); err != nil {
		return false, unreachable(err)
	}
	// The token of before lives for two minutes, and the upload may have taken longer.
	if call, err = c.casCall(ctx, role, a.Digest); err != nil {
		return false, err
	}
	_, err = service.Confirm(call, &managedcasv1.ConfirmRequest{Digest: a.Digest.Hex()})
	return answer.StatusCode != http.StatusPreconditionFailed, failed(err)
}

// fetchDirectly returns the content of an artifact from S3, or nil if it should come
// through the CAS. Call carries the token of a downloader, ctx does not.
func (c *Client) fetchDirectly(ctx, call context.Context, a Artifact, progress Progress) (io.ReadCloser, error) {
	if !c.direct.wanted(a.Size) {
		return nil, nil
	}
	answer, err := c.getDirectly(ctx, call, a)
	switch {
	case err == nil:
	case c.direct == Always, ctx.Err() != nil:
		return nil, err
	default:
		return nil, nil
	}
	return &fetched{client: c, ctx: ctx, artifact: a, body: answer.Body, counted: counted{r: answer.Body, total: a.Size, progress: progress}}, nil
}

func (c *Client) getDirectly(ctx, call context.Context, a Artifact) (*http.Response, error) {
	p, err := managedcasv1.NewDirectTransferServiceClient(c.artifactCAS).Presign(call, &managedcasv1.PresignRequest{
		Digest: a.Digest.Hex(), Operation: managedcasv1.PresignRequest_OPERATION_DOWNLOAD, IfRecommended: c.direct == Auto,
	})
	if err != nil {
		return nil, failed(err)
	}
	answer, err := c.storage.send(ctx, p, http.MethodGet, nil, 0)
	if err == nil && answer.ContentLength != a.Size {
		_ = answer.Body.Close()
		err = problem.New(problem.Unavailable, "the storage has not what was expected", "try again, or with --direct=never")
	}
	return answer, err
}

// fetched is content from S3. Where that breaks off, Auto goes on through the CAS: all of
// it is verified together.
type fetched struct {
	client   *Client
	ctx      context.Context //nolint:containedctx // of the download
	artifact Artifact
	body     io.ReadCloser
	counted  counted
	rest     io.Reader // nil: nothing broke off
}

func (f *fetched) Read(p []byte) (int, error) {
	if f.rest != nil {
		return f.rest.Read(p)
	}
	n, err := f.counted.Read(p)
	switch {
	case err == nil:
		return n, nil
	case f.counted.moved == f.artifact.Size:
		return n, io.EOF // all is there; whether it is right, the digest says
	}
	if f.client.direct == Always || f.ctx.Err() != nil {
		return n, unreachable(err)
	}
	call, err := f.client.casCall(f.ctx, controlplanev1.CASCredentialsServiceGetRequest_ROLE_DOWNLOADER, f.artifact.Digest)
	if err != nil {
		return n, err
	}
	f.rest, err = f.client.receive(call, f.artifact, f.counted.moved, f.counted.progress)
	return n, err
}

func (f *fetched) Close() error { return f.body.Close() }

// counted tells progress of what is read through it.
type counted struct {
	r        io.Reader
	total    int64
	progress Progress

	mu    sync.Mutex
	moved int64
	over  bool
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return 0, io.ErrClosedPipe
	}
	c.moved += int64(n)
	if c.progress != nil && n > 0 {
		c.progress(int64(n), c.total)
	}
	return n, err
}

// takeBack is for another try, which begins anew.
func (c *counted) takeBack() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	if c.progress != nil && c.moved > 0 {
		c.progress(-c.moved, c.total)
	}
}
