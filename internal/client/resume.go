package client

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"

	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/bytestream"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/problem"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

const (
	defaultResumeFrom = 64 << 20

	// An upload that was cut off is continued after a pause that doubles while nothing
	// arrives; after so many pauses without a byte of progress it is given up.
	firstPause = 250 * time.Millisecond
	maxPause   = 30 * time.Second
	maxPauses  = 10
	// A pause that is over in a moment is not worth a word.
	quietPauses = 2
)

// uploadNames makes the names of uploads from digests: who uploads a file again finds
// what has arrived of it, without having written anything down.
var uploadNames = uuid.MustParse("8f0c5a3e-6f0e-4d6e-9d53-1f3a0c0f7c11")

// resumable stores a file, and goes on from what the server has whenever it is cut off.
func (c *Client) resumable(ctx context.Context, result *Uploaded, file *os.File, progress Progress) error {
	u := &resumption{client: c, artifact: result.Artifact, media: result.MediaType, file: file, progress: progress}
	u.name(uuid.NewSHA1(uploadNames, []byte(u.artifact.Digest.String())))
	for pauses := 0; ; pauses++ {
		before, reached := u.committed, u.reached
		err := u.attempt(ctx)
		if u.reached && !reached {
			result.ResumedFrom = u.found
		}
		if err == nil {
			result.Created = u.created
			return nil
		}
		if !u.reached || !worthwhile(err) || ctx.Err() != nil {
			return err
		}
		if u.committed > before {
			pauses = 0
		}
		if pauses == maxPauses {
			return err
		}
		if problem.From(err).Message() == takenOver {
			// Somebody else uploads the same file, and would in turn be thrown out by us.
			u.name(uuid.New())
		}
		if pauses == quietPauses {
			c.tell(fmt.Sprintf("waiting for the artifact CAS, trying again until %s: %s",
				time.Now().Add(patience(pauses)).Format(time.TimeOnly), problem.From(err).Message()))
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause(pauses)):
		}
	}
}

func pause(n int) time.Duration { return min(firstPause<<n, maxPause) }

// patience is what is left of all pauses when so many are over.
func patience(over int) (left time.Duration) {
	for n := over; n < maxPauses; n++ {
		left += pause(n)
	}
	return left
}

// takenOver is what a server says to the older of two writers.
const takenOver = "another request continues this upload"

// worthwhile holds for failures that another attempt may not have.
func worthwhile(err error) bool {
	p := problem.From(err)
	return p.Kind().Retryable() && p.Reason() != reasonChanged
}

// resumption is an upload over several attempts.
type resumption struct {
	client    *Client
	media     cas.MediaType
	artifact  Artifact
	file      *os.File
	progress  Progress
	resource  string
	reached   bool  // the server has answered once
	committed int64 // as the server said last
	told      int64 // to progress
	found     int64 // of an earlier run
	created   bool
}

func (u *resumption) name(id uuid.UUID) {
	a := u.artifact
	u.resource = fmt.Sprintf("uploads/%s/blobs/%s/%d/%s/%s", id, a.Digest.Hex(), a.Size,
		url.PathEscape(a.FileName), url.PathEscape(u.media.String()))
}

// attempt asks how much the server has, and sends the rest.
func (u *resumption) attempt(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the stream on every way out
	ctx, err := u.client.casCall(ctx, controlplanev1.CASCredentialsServiceGetRequest_ROLE_UPLOADER, u.artifact.Digest)
	if err != nil {
		return err
	}
	state, err := bytestream.NewByteStreamClient(u.client.artifactCAS).QueryWriteStatus(ctx, &bytestream.QueryWriteStatusRequest{ResourceName: u.resource})
	err = failed(err)
	switch {
	case err == nil:
		u.committed = state.GetCommittedSize()
	case problem.KindOf(err) == problem.NotFound:
		u.committed = 0
	default:
		return err
	}
	if state.GetComplete() {
		u.reached = true
		u.moved(u.committed)
		return nil
	}
	if !u.reached {
		u.found = u.committed
	}
	u.reached = true
	u.moved(u.committed)
	if u.committed > u.artifact.Size || u.committed < 0 {
		return problem.New(problem.Internal, "the server has more of the file than there is", "try again; tell the operator if it stays so")
	}
	// What was hashed before is not verified again while it is sent: the server does that.
	content := io.Reader(io.NewSectionReader(u.file, u.committed, u.artifact.Size-u.committed))
	if u.committed == 0 {
		content = digest.Verify(io.NewSectionReader(u.file, 0, u.artifact.Size+1), u.artifact.Digest, u.artifact.Size)
	}
	at := u.committed
	u.created, err = u.client.send(ctx, u.resource, at, u.artifact.Size, content, func(n, _ int64) { at += n; u.moved(at) })
	if u.committed > 0 && problem.KindOf(err) == problem.Invalid {
		return problem.Wrap(err, problem.Conflict, changed, "nothing was stored; upload it again when it is finished").WithReason(reasonChanged)
	}
	return err
}

const (
	changed       = "the file changed while it was uploaded"
	reasonChanged = "FILE_CHANGED"
)

// moved tells progress what is new of the first n bytes: after a cut, some are sent again.
func (u *resumption) moved(n int64) {
	if more := n - u.told; more > 0 && u.progress != nil {
		u.told = n
		u.progress(more, u.artifact.Size)
	}
}
