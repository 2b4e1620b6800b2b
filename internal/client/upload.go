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
func (c *Client) Upload(ctx context.Context, path string, media cas.MediaType, progress Progress) (Uploaded, error) {
	if path == "-" {
		return Uploaded{}, problem.New(problem.Invalid, "standard input is not a file that can be read twice", "write it to a file first, or upload ./- if that is its name")
	}
	name := cas.CleanFileName(filepath.Base(path))
	file, err := openRegular(path)
	if err != nil {
		return Uploaded{}, err
	}
	defer file.Close()
	if media == "" {
		if media, err = mediaType(file); err != nil {
			return Uploaded{}, unreadable(err)
		}
	}
	hash := sha256.New()
	size, err := io.Copy(hash, file)
	if err != nil {
		return Uploaded{}, unreadable(err)
	}
	d, err := digest.FromSum(hash.Sum(nil))
	if err != nil {
		return Uploaded{}, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return Uploaded{}, unreadable(err)
	}
	u := Uploaded{Artifact: Artifact{Digest: d, Size: size, FileName: string(name)}, MediaType: media}
	if err := c.store(ctx, &u, file, progress); err != nil {
		return Uploaded{}, err
	}
	return u, nil
}

// store sends the file one way or another, and notes in u how.
func (c *Client) store(ctx context.Context, u *Uploaded, file *os.File, progress Progress) error {
	stored, created, err := c.uploadDirectly(ctx, file, u.Artifact, u.MediaType, progress)
	if stored || err != nil {
		u.Created = created
		return err
	}
	if u.Size >= c.cfg.ResumeFrom {
		moved := int64(0)
		err := c.resumable(ctx, u, file, func(n, total int64) {
			moved += n
			if progress != nil {
				progress(n, total)
			}
		})
		if !unresumable(err) {
			return err
		}
		if progress != nil {
			progress(-moved, u.Size)
		}
		c.tell("the organization has too many unfinished uploads: this one goes on in one request, and cannot be resumed")
	}
	u.Created, err = c.write(ctx, u.Artifact, u.MediaType, digest.Verify(io.NewSectionReader(file, 0, u.Size+1), u.Digest, u.Size), progress)
	return err
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

func (c *Client) write(ctx context.Context, artifact Artifact, media cas.MediaType, content io.Reader, progress Progress) (created bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the stream on every way out
	ctx, err = c.casCall(ctx, controlplanev1.CASCredentialsServiceGetRequest_ROLE_UPLOADER, artifact.Digest)
	if err != nil {
		return false, err
	}
	name, err := resourceName(artifact, media)
	if err != nil {
		return false, err
	}
	return c.send(ctx, name, unsaid, artifact.Size, content, progress)
}

// unsaid is the offset of an upload whose messages say none (facts WIRE §5.4).
const unsaid = -1

// existed is the key of the trailer of a Write whose content was there already.
const existed = "managedcas-existed"

// send writes content, which begins at offset, under a resource name.
func (c *Client) send(ctx context.Context, name string, offset, size int64, content io.Reader, progress Progress) (created bool, err error) {
	stream, err := bytestream.NewByteStreamClient(c.artifactCAS).Write(ctx)
	if err != nil {
		return false, failed(err)
	}
	chunk := make([]byte, chunkBytes)
	for ended := false; !ended; {
		n, err := io.ReadFull(content, chunk)
		ended = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		switch {
		case err == nil, ended:
		case errors.Is(err, digest.ErrMismatch), errors.Is(err, digest.ErrLength):
			return false, problem.Wrap(err, problem.Conflict, changed, "nothing was stored; upload it again when it is finished").WithReason(reasonChanged)
		default:
			return false, unreadable(err)
		}
		err = stream.Send(&bytestream.WriteRequest{ResourceName: name, WriteOffset: max(offset, 0), Data: chunk[:n], FinishWrite: ended})
		if errors.Is(err, io.EOF) {
			break // the server has answered; CloseAndRecv knows what
		}
		if err != nil {
			return false, failed(err)
		}
		if offset != unsaid {
			offset += int64(n)
		}
		if progress != nil {
			progress(int64(n), size)
		}
	}
	_, err = stream.CloseAndRecv()
	return err == nil && len(stream.Trailer().Get(existed)) == 0, failed(err)
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
