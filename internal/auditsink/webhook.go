package auditsink

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// SignatureHeader shows that a delivery is ours, and when it was made:
//
//	t=UNIX SECONDS,v1=HMAC-SHA256 in hexadecimal digits, of "UNIX SECONDS." and the body
//
// The time is signed, so that what was recorded on its way is of no use later.
const SignatureHeader = "Managedcas-Signature"

// Webhook posts JSON lines to a URL.
type Webhook struct {
	url    string
	secret []byte
	client *http.Client
}

// NewWebhook returns a sink at url. Transport is nil for the default one.
func NewWebhook(url string, secret []byte, transport http.RoundTripper) *Webhook {
	return &Webhook{url, secret, newClient(transport)}
}

// Send implements Sink.
func (w *Webhook) Send(ctx context.Context, items []Item) error {
	var body bytes.Buffer
	for _, i := range items {
		body.Write(i.Line)
		body.WriteByte('\n')
	}
	now := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body.Bytes()))
	if err != nil {
		return fmt.Errorf("webhook: %w", withoutURL(err))
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	req.Header.Set(SignatureHeader, Signature(w.secret, now, body.Bytes()))
	resp, err := w.client.Do(req)
	if err != nil {
		return fmt.Errorf("webhook: %w", withoutURL(err))
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)) // so that the connection can be used again
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return nil
	}
	return &RetryAfterError{fmt.Errorf("webhook: it answered %d", resp.StatusCode), retryAfter(resp.Header, now)}
}

// Signature is the value of SignatureHeader.
func Signature(secret []byte, at time.Time, body []byte) string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(seconds + "."))
	mac.Write(body)
	return "t=" + seconds + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
