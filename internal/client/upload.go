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

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/problem"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

// chunkBytes is the size of an upload message (facts WIRE §5.4).
const chunkBytes = 1 << 20

// Upload stores a file under its base name, as what media says that it is; empty: as what
// it looks like. It is read twice: once to know its digest, once to send it.
func (c *Client) Upload(ctx context.Context, path string, media cas.MediaType, progress Progress) (Artifact, error) {
	if path == "-" {
		return Artifact{}, problem.New(problem.Invalid, "standard input is not a file that can be read twice", "write it to a file first, or upload ./- if that is its name")
	}
	name := cas.CleanFileName(filepath.Base(path))
	file, err := openRegular(path)
	if err != nil {
		return Artifact{}, err
	}
	defer file.Close()
	if media == "" {
		if media, err = mediaType(file); err != nil {
			return Artifact{}, unreadable(err)
		}
	}
	hash := sha256.New()
	size, err := io.Copy(hash, file)
	if err != nil {
		return Artifact{}, unreadable(err)
	}
	d, err := digest.FromSum(hash.Sum(nil))
	if err != nil {
		return Artifact{}, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return Artifact{}, unreadable(err)
	}
	artifact := Artifact{Digest: d, Size: size, FileName: string(name)}
	if stored, err := c.uploadDirectly(ctx, file, artifact, media, progress); stored || err != nil {
		return artifact, err
	}
	if err := c.write(ctx, artifact, media, digest.Verify(file, d, size), progress); err != nil {
		return Artifact{}, err
	}
	return artifact, nil
}

// openRegular opens a file that can be read twice. It looks first: opening a pipe
// waits for somebody to write to it.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, problem.Wrap(err, problem.Invalid, err.Error(), "check the path")
	}
	if !info.Mode().IsRegular() {
		return nil, problem.New(problem.Invalid, path+" is not a regular file", "upload a file; pack a directory, or copy a pipe, to one first")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, unreadable(err)
	}
	return file, nil
}

func unreadable(err error) error {
	return problem.Wrap(err, problem.Invalid, err.Error(), "check that the file can be read")
}

func (c *Client) write(ctx context.Context, artifact Artifact, media cas.MediaType, content io.Reader, progress Progress) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the stream on every way out
	ctx, err := c.casCall(ctx, controlplanev1.CASCredentialsServiceGetRequest_ROLE_UPLOADER, artifact.Digest)
	if err != nil {
		return err
	}
	name, err := resourceName(artifact, media)
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
		switch {
		case err == nil, ended:
		case errors.Is(err, digest.ErrMismatch), errors.Is(err, digest.ErrLength):
			return problem.Wrap(err, problem.Conflict, "the file changed while it was uploaded", "nothing was stored; upload it again when it is finished")
		default:
			return unreadable(err)
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

// resourceName names an upload as the stock client does (facts WIRE §5.3), and says what
// it is to a server that asks: one that does not know the field passes over it.
func resourceName(a Artifact, media cas.MediaType) (string, error) {
	type CASResource struct {
		FileName  string
		Digest    string
		Size      int64
		MediaType string
	}
	var name bytes.Buffer
	if err := gob.NewEncoder(&name).Encode(&CASResource{FileName: a.FileName, Digest: a.Digest.Hex(), MediaType: string(media)}); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(name.Bytes()), nil
}
