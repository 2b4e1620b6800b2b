package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// presigned asks cas for a request, sends it to S3 itself, and confirms. All three count.
type presigned struct {
	*tokens
	base   string
	client *http.Client
}

func newPresigned(base string, from tokenSource) presigned {
	return presigned{&tokens{from: from}, base, &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 16,
		// Names under localhost are this machine (RFC 6761 §6.3); a resolver is not asked.
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if host, port, err := net.SplitHostPort(address); err == nil && strings.HasSuffix(host, ".localhost") {
				address = net.JoinHostPort("127.0.0.1", port)
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}}}
}

func (presigned) name() string { return "presigned" }

func (p presigned) put(ctx context.Context, a artifact) error {
	signed, err := p.sign(ctx, a, fmt.Sprintf(`{"operation": "upload", "size": %d}`, a.size()))
	if err != nil {
		return err
	}
	err = p.send(ctx, signed, a, a.content(), func(answer io.Reader) error {
		_, err := io.Copy(io.Discard, answer)
		return err
	})
	if err != nil {
		return err
	}
	return p.post(ctx, a, ":confirm", "", nil)
}

func (p presigned) get(ctx context.Context, a artifact) error {
	signed, err := p.sign(ctx, a, `{"operation": "download"}`)
	if err != nil {
		return err
	}
	return p.send(ctx, signed, a, nil, func(body io.Reader) error { return drain(body, a.size()) })
}

func (p presigned) begin(ctx context.Context, a artifact) error {
	signed, err := p.sign(ctx, a, `{"operation": "download"}`)
	if err != nil {
		return err
	}
	return p.send(ctx, signed, a, nil, func(body io.Reader) error {
		_, err := body.Read(make([]byte, 1))
		return ignoreEOF(err)
	})
}

// request is what cas signed.
type request struct {
	Method, URL string
	Headers     map[string]string
}

func (p presigned) sign(ctx context.Context, a artifact, body string) (signed request, err error) {
	return signed, p.post(ctx, a, ":presign", body, &signed)
}

func (p presigned) post(ctx context.Context, a artifact, verb, body string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.base+"/v1/artifacts/"+a.digest.String()+verb, strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", p.of(a))
	answer, err := p.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode >= 300 {
		err = fmt.Errorf("%s: %s", answer.Status, said)
	}
	if err == nil && into != nil {
		err = json.Unmarshal(said, into)
	}
	return err
}

func (p presigned) send(ctx context.Context, signed request, a artifact, body io.Reader, receive func(io.Reader) error) error {
	r, err := http.NewRequestWithContext(ctx, signed.Method, signed.URL, body)
	if err != nil {
		return err
	}
	for name, value := range signed.Headers {
		r.Header.Set(name, value)
	}
	if body != nil {
		r.ContentLength = a.size()
	}
	answer, err := p.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		return fmt.Errorf("S3: %s", answer.Status)
	}
	return receive(answer.Body)
}
