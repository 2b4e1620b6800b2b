// Package casupload stores what the control plane itself has to store, through the CAS
// like everybody else: over HTTP, with a token that is good for that one artifact.
package casupload

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/sethvargo/go-retry"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/problem"
)

const (
	// defaultWithin bounds an upload with all its attempts: the client waits, and others
	// that speak this protocol give a whole call ten seconds (facts WIRE §7.3).
	defaultWithin = 6 * time.Second
	// attempt bounds one of them: 4 MiB within a data centre.
	attempt = 4 * time.Second
	// maxAnswer bounds what is read of an answer.
	maxAnswer = 64 << 10
)

type artifact struct {
	digest          digest.Digest
	content         []byte
	name, mediaType string
}

// Uploader stores artifacts in a CAS.
type Uploader struct {
	base   string
	client *http.Client
	within time.Duration
}

// New returns an uploader to the CAS whose HTTP port has that URL. within bounds an upload;
// 0: 6 s.
func New(base string, transport http.RoundTripper, within time.Duration) *Uploader {
	if within == 0 {
		within = defaultWithin
	}
	return &Uploader{
		base: strings.TrimSuffix(base, "/"), within: within,
		client: &http.Client{
			Transport: transport, Timeout: attempt,
			// A CAS does not redirect; the token must not follow anything that does.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Upload returns when the artifact is stored. It tries again whatever may work later, and
// reports that as Unavailable in the end, because of what the last attempt met; other problems
// are those of the CAS.
func (u *Uploader) Upload(ctx context.Context, token string, d digest.Digest, content []byte, fileName, mediaType string) error {
	a := artifact{d, content, fileName, mediaType}
	bounded, cancel := context.WithTimeout(ctx, u.within)
	defer cancel()
	pause := retry.WithCappedDuration(time.Second, retry.NewExponential(50*time.Millisecond))
	var met error // of the last attempt that had its time: in the end retry says only that it is over
	err := retry.Do(bounded, pause, func(ctx context.Context) error {
		err := u.put(ctx, token, a)
		temporary, ok := errors.AsType[*temporaryError](err)
		if !ok {
			return err
		}
		if met == nil || ctx.Err() == nil {
			met = temporary
		}
		return retry.RetryableError(temporary)
	})
	if err == nil || ctx.Err() != nil {
		return err
	}
	if _, permanent := errors.AsType[*problem.Problem](err); permanent {
		return err
	}
	if met != nil {
		err = fmt.Errorf("%w: %w", err, met)
	}
	return problem.Wrap(err, problem.Unavailable, "the artifact CAS does not take what is to be stored", "nothing is recorded; try again in a moment")
}

// temporaryError is for what the next attempt may not meet.
type temporaryError struct{ cause error }

func (e *temporaryError) Error() string { return e.cause.Error() }
func (e *temporaryError) Unwrap() error { return e.cause }

func (u *Uploader) put(ctx context.Context, token string, a artifact) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, u.base+"/v1/artifacts/"+a.digest.String(), bytes.NewReader(a.content))
	if err != nil {
		return fmt.Errorf("upload to the CAS: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", a.mediaType)
	req.Header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": a.name}))
	resp, err := u.client.Do(req)
	if err != nil {
		return &temporaryError{fmt.Errorf("upload to the CAS: %w", err)}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return &temporaryError{fmt.Errorf("upload to the CAS: its answer: %w", err)}
	}
	if resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusCreated {
		return confirm(body, a)
	}
	return refusal(resp.StatusCode, body)
}

// confirm makes sure that it was the CAS that answered: anything may say 200.
func confirm(body []byte, a artifact) error {
	var stored struct {
		Digest digest.Digest `json:"digest"`
	}
	if err := json.Unmarshal(body, &stored); err != nil || stored.Digest != a.digest {
		return &temporaryError{errors.New("upload to the CAS: what answers is no CAS: is controlplane.casUrl right?")}
	}
	return nil
}

// refusal reads the problem of an answer. That the CAS does not know the token is nothing
// that the client could change: it may not have the newest key.
func refusal(status int, body []byte) error {
	var document struct {
		Kind, Detail, Hint, Reason string
	}
	err := fmt.Errorf("upload to the CAS: it answered %d: %.200q", status, body)
	if json.Unmarshal(body, &document) != nil {
		return &temporaryError{err}
	}
	kind, known := problem.ParseKind(document.Kind)
	switch {
	case !known, kind.Retryable(), kind == problem.Unauthenticated, kind == problem.Internal, kind == problem.Exhausted:
		return &temporaryError{err}
	}
	return problem.Wrap(err, kind, document.Detail, document.Hint).WithReason(document.Reason)
}
