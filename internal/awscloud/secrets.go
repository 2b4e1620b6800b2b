package awscloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/managedcas/managedcas/internal/cloud"
)

// maxSecretAnswer bounds an answer of Secrets Manager, in bytes. A value of ours has a
// fraction of it.
const maxSecretAnswer = 128 << 10

func secretsOptions(o *secretsmanager.Options) { o.HTTPClient = shortAnswers{o.HTTPClient} }

// PutSecret creates a secret, or gives the one of that name another value. It creates
// first: only CreateSecret is asked about by the ARN that the secret is to have. A secret
// that waits for its deletion blocks its name; it is taken back. One that was destroyed a
// moment ago may still do so, which is cloud.ErrConflict or cloud.ErrNotFound: retry
// (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html).
func (c *Cloud) PutSecret(ctx context.Context, s cloud.Secret, value []byte) error {
	in := &secretsmanager.CreateSecretInput{
		Name: aws.String(s.Name), Description: aws.String(s.Description), SecretString: aws.String(string(value)),
	}
	if s.KeyARN != "" {
		in.KmsKeyId = aws.String(s.KeyARN)
	}
	for _, key := range slices.Sorted(maps.Keys(s.Tags)) {
		in.Tags = append(in.Tags, types.Tag{Key: aws.String(key), Value: aws.String(s.Tags[key])})
	}
	_, err := c.secrets.CreateSecret(ctx, in)
	err = failed(err, "creating secret %s", s.Name)
	switch {
	case errors.Is(err, cloud.ErrConflict):
		if _, err := c.secrets.RestoreSecret(ctx, &secretsmanager.RestoreSecretInput{SecretId: aws.String(s.ARN)}); err != nil {
			return failed(err, "restoring secret %s", s.Name)
		}
	case !errors.Is(err, cloud.ErrExists):
		return err
	}
	_, err = c.secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(s.ARN), SecretString: aws.String(string(value)),
	})
	return failed(err, "writing secret %s", s.Name)
}

// SecretValue returns the current value of a secret. One that waits for its deletion
// counts as gone: cloud.ErrNotFound.
func (c *Cloud) SecretValue(ctx context.Context, arn string) ([]byte, error) {
	out, err := c.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(arn)})
	err = failed(err, "reading secret %s", arn)
	if e, ok := errors.AsType[*Error](err); ok && errors.Is(err, cloud.ErrConflict) {
		e.Outcome = cloud.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	if out.SecretString == nil {
		return out.SecretBinary, nil
	}
	return []byte(*out.SecretString), nil
}

// DeleteSecret destroys a secret with all its versions, without a recovery window. AWS is
// content when there is none.
func (c *Cloud) DeleteSecret(ctx context.Context, arn string) error {
	_, err := c.secrets.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{
		SecretId: aws.String(arn), ForceDeleteWithoutRecovery: aws.Bool(true),
	})
	return absentIsFine(failed(err, "deleting secret %s", arn))
}

// shortAnswers refuses answers that are longer than Secrets Manager has reason to send.
type shortAnswers struct{ client secretsmanager.HTTPClient }

func (s shortAnswers) Do(r *http.Request) (*http.Response, error) {
	response, err := s.client.Do(r)
	if response != nil && response.Body != nil {
		response.Body = &shortBody{ReadCloser: response.Body, left: maxSecretAnswer}
	}
	return response, err
}

type shortBody struct {
	io.ReadCloser
	left int64
}

func (b *shortBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("the answer has more than %d bytes", maxSecretAnswer)
	}
	return n, err
}
