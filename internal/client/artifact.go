package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/gob"
	"errors"
	"io"
	"os"
	"path/filepath"

	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/grpc/metadata"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/problem"
	casv1 "github.com/managedcas/managedcas/proto/cas/v1"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

// chunkBytes is the size of an upload message (facts WIRE §5.4).
const chunkBytes = 1 << 20

// Artifact describes an artifact.
type Artifact struct {
	Digest   digest.Digest `json:"digest"`
	Size     int64         `json:"size"`
	FileName string        `json:"fileName"`
}

// Progress is told how many more bytes of how many have moved. It may be nil.
type Progress func(moved, total int64)

// Upload stores a file under its base name. It is read twice: once to know its
// digest, once to send it.
func (c *Client) Upload(ctx context.Context, path string, progress Progress) (Artifact, error) {
	name, err := cas.ParseFileName(filepath.Base(path))
	if err != nil {
		return Artifact{}, cas.Problem(err)
	}
	file, err := os.Open(path)
	if err != nil {
		return Artifact{}, problem.Wrap(err, problem.Invalid, err.Error(), "check the path")
	}
	defer file.Close()
	hash := sha256.New()
	size, err := io.Copy(hash, file)
	if err != nil {
		return Artifact{}, problem.Wrap(err, problem.Invalid, err.Error(), "check that it is a readable file")
	}
	d, err := digest.FromSum(hash.Sum(nil))
	if err != nil {
		return Artifact{}, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return Artifact{}, problem.Wrap(err, problem.Invalid, err.Error(), "upload a regular file; copy a pipe to one first")
	}
	artifact := Artifact{Digest: d, Size: size, FileName: string(name)}
	return artifact, c.write(ctx, artifact, file, progress)
}

func (c *Client) write(ctx context.Context, artifact Artifact, content io.Reader, progress Progress) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the stream on every way out
	ctx, err := c.casCall(ctx, controlplanev1.CASCredentialsServiceGetRequest_ROLE_UPLOADER, artifact.Digest)
	if err != nil {
		return err
	}
	name, err := resourceName(artifact)
	if err != nil {
		return err
	}
	stream, err := bytestream.NewByteStreamClient(c.artifactCAS).Write(ctx)
	if err != nil {
		return failed(err)
	}
	chunk := make([]byte, chunkBytes)
	for ended := false; !ended; {
		n, err := io.ReadFull(content, chunk)
		ended = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !ended {
			return problem.Wrap(err, problem.Invalid, "the file could not be read to its end", "nothing was stored; try again")
		}
		err = stream.Send(&bytestream.WriteRequest{ResourceName: name, Data: chunk[:n], FinishWrite: ended})
		if errors.Is(err, io.EOF) {
			break // the server has answered; CloseAndRecv knows what
		}
		if err != nil {
			return failed(err)
		}
		if progress != nil {
			progress(int64(n), artifact.Size)
		}
	}
	_, err = stream.CloseAndRecv()
	return failed(err)
}

// resourceName names an upload as the stock client does (facts WIRE §5.3).
func resourceName(a Artifact) (string, error) {
	type CASResource struct {
		FileName string
		Digest   string
		Size     int64
	}
	var name bytes.Buffer
	if err := gob.NewEncoder(&name).Encode(&CASResource{FileName: a.FileName, Digest: a.Digest.Hex()}); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(name.Bytes()), nil
}

// Describe returns size and name of an artifact.
func (c *Client) Describe(ctx context.Context, d digest.Digest) (Artifact, error) {
	ctx, err := c.casCall(ctx, controlplanev1.CASCredentialsServiceGetRequest_ROLE_DOWNLOADER, d)
	if err != nil {
		return Artifact{}, err
	}
	return c.describe(ctx, d)
}

func (c *Client) describe(ctx context.Context, d digest.Digest) (Artifact, error) {
	answer, err := casv1.NewResourceServiceClient(c.artifactCAS).Describe(ctx, &casv1.ResourceServiceDescribeRequest{Digest: d.Hex()})
	if err != nil {
		return Artifact{}, failed(err)
	}
	return Artifact{Digest: d, Size: answer.GetResult().GetSize(), FileName: answer.GetResult().GetFileName()}, nil
}

// Download writes the artifact to w. Its last byte is written only if the digest
// agreed; on any error w has less than the artifact.
func (c *Client) Download(ctx context.Context, d digest.Digest, w io.Writer, progress Progress) (Artifact, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ctx, err := c.casCall(ctx, controlplanev1.CASCredentialsServiceGetRequest_ROLE_DOWNLOADER, d)
	if err != nil {
		return Artifact{}, err
	}
	artifact, err := c.describe(ctx, d)
	if err != nil {
		return Artifact{}, err
	}
	stream, err := bytestream.NewByteStreamClient(c.artifactCAS).Read(ctx, &bytestream.ReadRequest{ResourceName: d.Hex()})
	if err != nil {
		return Artifact{}, failed(err)
	}
	received := &received{stream: stream, total: artifact.Size, progress: progress}
	if _, err := io.Copy(w, digest.Verify(received, d, artifact.Size)); err != nil {
		if errors.Is(err, digest.ErrMismatch) || errors.Is(err, digest.ErrLength) {
			return Artifact{}, problem.Wrap(err, problem.Corrupt, "what arrived is not the artifact", "nothing was kept; try again, and tell the operator if it stays")
		}
		return Artifact{}, failed(err)
	}
	return artifact, nil
}

// casCall fetches a CAS token for the artifact and returns a context that carries it.
func (c *Client) casCall(ctx context.Context, role controlplanev1.CASCredentialsServiceGetRequest_Role, d digest.Digest) (context.Context, error) {
	if c.artifactCAS == nil {
		return nil, problem.New(problem.Invalid, "no artifact CAS address", "pass --artifact-cas HOST:PORT or set CHAINLOOP_ARTIFACT_CAS_API")
	}
	answer, err := controlplanev1.NewCASCredentialsServiceClient(c.controlPlane).Get(c.call(ctx),
		&controlplanev1.CASCredentialsServiceGetRequest{Role: role, Digest: d.String()})
	if err != nil {
		return nil, failed(err)
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+answer.GetResult().GetToken()), nil
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
