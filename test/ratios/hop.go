package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// hop reads an artifact, hashes it, and sends it on in a request that it signs itself. It
// asks for no token, has no tenants, sessions, limits, metrics, log, catalogue or audit log,
// and uses neither a database nor the SDK's client. What the direct client asks of S3, it
// asks too.
type hop struct {
	at     ready
	client *http.Client
	signer *v4.Signer
}

// serveHop serves a hop until ctx ends: to where config says that S3 is.
func serveHop(ctx context.Context, config, readyFile string) error {
	h := hop{client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}, signer: v4.NewSigner()}
	text, err := os.ReadFile(config)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &h.at); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := os.WriteFile(readyFile, fmt.Appendf(nil, `{"HTTP": "http://%s"}`, listener.Addr()), 0o600); err != nil {
		return err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); ctx.Err() == nil {
		return err
	}
	return nil
}

func (h hop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, err := h.store(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.WriteHeader(status)
}

func (h hop) store(r *http.Request) (status int, err error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, mib))
	if err != nil {
		return 0, err
	}
	sum, name := sha256.Sum256(body), strings.TrimPrefix(r.URL.Path, "/v1/artifacts/")
	if "sha256:"+hex.EncodeToString(sum[:]) != name {
		return http.StatusUnprocessableEntity, nil
	}
	on, err := http.NewRequestWithContext(r.Context(), http.MethodPut, h.at.AWS.Endpoint+"/"+directBucket+"/"+name, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	on.Header.Set("If-None-Match", "*")
	on.Header.Set("X-Amz-Checksum-Sha256", base64.StdEncoding.EncodeToString(sum[:]))
	on.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	root := aws.Credentials{AccessKeyID: h.at.AWS.AccessKeyID, SecretAccessKey: h.at.AWS.SecretAccessKey}
	if err := h.signer.SignHTTP(r.Context(), root, on, hex.EncodeToString(sum[:]), "s3", h.at.AWS.Region, time.Now()); err != nil {
		return 0, err
	}
	answer, err := h.client.Do(on)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, mib))
	return answer.StatusCode, err
}
