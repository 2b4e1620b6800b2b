package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

// path is a way for an artifact to go.
type path interface {
	name() string
	put(ctx context.Context, a artifact) error
	get(ctx context.Context, a artifact) error
	// begin is get up to the first byte.
	begin(ctx context.Context, a artifact) error
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// tokenSource gets the token for one transfer.
type tokenSource func(ctx context.Context, role controlplanev1.CASCredentialsServiceGetRequest_Role, digest string) (string, error)

// tokens keeps the tokens that batches fetches ahead, by digest.
type tokens struct {
	from tokenSource
	kept sync.Map
}

func (t *tokens) fetch(ctx context.Context, a artifact, up bool) error {
	role := controlplanev1.CASCredentialsServiceGetRequest_ROLE_DOWNLOADER
	if up {
		role = controlplanev1.CASCredentialsServiceGetRequest_ROLE_UPLOADER
	}
	token, err := t.from(ctx, role, a.digest.String())
	t.kept.Store(a.digest, token)
	return err
}

func (t *tokens) of(a artifact) string {
	token, _ := t.kept.Load(a.digest)
	return "Bearer " + token.(string)
}

type overHTTP struct {
	*tokens
	base   string
	client *http.Client
}

func newOverHTTP(base string, from tokenSource) overHTTP {
	return overHTTP{&tokens{from: from}, base, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}}
}

func (overHTTP) name() string { return "HTTP" }

func (o overHTTP) do(ctx context.Context, method string, a artifact, body io.Reader, receive func(io.Reader) error) error {
	r, err := http.NewRequestWithContext(ctx, method, o.base+"/v1/artifacts/"+a.digest.String(), body)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", o.of(a))
	if body != nil {
		r.ContentLength = a.size()
	}
	answer, err := o.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		said, _ := io.ReadAll(answer.Body)
		return fmt.Errorf("%s: %s", answer.Status, said)
	}
	return receive(answer.Body)
}

func (o overHTTP) put(ctx context.Context, a artifact) error {
	return o.do(ctx, http.MethodPut, a, a.content(), func(answer io.Reader) error {
		_, err := io.Copy(io.Discard, answer)
		return err
	})
}

func (o overHTTP) get(ctx context.Context, a artifact) error {
	return o.do(ctx, http.MethodGet, a, nil, func(body io.Reader) error { return drain(body, a.size()) })
}

func (o overHTTP) begin(ctx context.Context, a artifact) error {
	return o.do(ctx, http.MethodGet, a, nil, func(body io.Reader) error {
		_, err := body.Read(make([]byte, 1))
		return ignoreEOF(err)
	})
}

type overGRPC struct {
	*tokens
	client bytestream.ByteStreamClient
}

func newOverGRPC(address string, from tokenSource) (overGRPC, error) {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return overGRPC{}, err
	}
	return overGRPC{&tokens{from: from}, bytestream.NewByteStreamClient(conn)}, nil
}

func (overGRPC) name() string { return "gRPC" }

// put sends as the stock client does: messages of 1 MiB, each with the name, and an empty
// one at the end.
func (o overGRPC) put(ctx context.Context, a artifact) error {
	var name bytes.Buffer
	if err := gob.NewEncoder(&name).Encode(struct{ FileName, Digest string }{"artifact", a.digest.Hex()}); err != nil {
		return err
	}
	resource := base64.StdEncoding.EncodeToString(name.Bytes())
	stream, err := o.client.Write(metadata.AppendToOutgoingContext(ctx, "authorization", o.of(a)))
	if err != nil {
		return err
	}
	content, chunk := a.content(), make([]byte, min(a.size(), mib))
	for {
		n, err := io.ReadFull(content, chunk)
		if n == 0 {
			break
		}
		if err := stream.Send(&bytestream.WriteRequest{ResourceName: resource, Data: chunk[:n]}); err != nil {
			break // the answer says why
		}
		if err != nil {
			break
		}
	}
	_ = stream.Send(&bytestream.WriteRequest{ResourceName: resource, FinishWrite: true})
	_, err = stream.CloseAndRecv()
	return err
}

func (o overGRPC) get(ctx context.Context, a artifact) error {
	stream, err := o.client.Read(metadata.AppendToOutgoingContext(ctx, "authorization", o.of(a)), &bytestream.ReadRequest{ResourceName: a.digest.Hex()})
	if err != nil {
		return err
	}
	left := a.size()
	for {
		m, err := stream.Recv()
		if err == io.EOF && left == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		left -= int64(len(m.GetData()))
	}
}

func (o overGRPC) begin(ctx context.Context, a artifact) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	stream, err := o.client.Read(metadata.AppendToOutgoingContext(ctx, "authorization", o.of(a)), &bytestream.ReadRequest{ResourceName: a.digest.Hex()})
	if err != nil {
		return err
	}
	_, err = stream.Recv()
	return err
}

// plain hashes into a file and out of one.
type plain struct{ dir string }

func (plain) name() string { return "hash and file" }

func (p plain) file(a artifact) string { return filepath.Join(p.dir, a.digest.Hex()) }

func (p plain) put(_ context.Context, a artifact) error {
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}
	f, err := os.Create(p.file(a))
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(f, sha256.New())}, a.content(), make([]byte, 64*kib))
	return err
}

func (p plain) get(_ context.Context, a artifact) error {
	f, err := os.Open(p.file(a))
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.CopyBuffer(struct{ io.Writer }{sha256.New()}, f, make([]byte, 64*kib))
	return err
}

func (p plain) begin(context.Context, artifact) error { return nil }
