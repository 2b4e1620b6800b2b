package awscloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/cloud"
)

// Get implements cas.Objects. What comes is checked to be the range that was asked for:
// bytes of another place would be taken for these.
func (o *Objects) Get(ctx context.Context, key string, want cas.Range, etag string) (io.ReadCloser, cas.Info, error) {
	in := &s3.GetObjectInput{Bucket: aws.String(o.accessPoint), Key: aws.String(key)}
	if header := want.Header(); header != "" {
		in.Range = aws.String(header)
	}
	if etag != "" {
		in.IfMatch = aws.String(etag)
	}
	ctx, w := watched(ctx, o.stall)
	out, err := o.s3.GetObject(ctx, in)
	if err != nil {
		w.end()
		err = failedObject(err, "reading %q", key)
		// The 412 of a read says that the object is another one now.
		if e, ok := errors.AsType[*Error](err); ok && e.Code == "PreconditionFailed" {
			e.Outcome = cloud.ErrConflict
		}
		return nil, cas.Info{}, err
	}
	body := fromAWS{out.Body, w}
	size, err := sizeOf(out, want)
	if err != nil {
		err = fmt.Errorf("%w: reading %q: %w", cloud.ErrUnavailable, key, err)
		return nil, cas.Info{}, errors.Join(err, body.Close())
	}
	return body, cas.Info{
		Size:      size,
		FileName:  fileName(out.Metadata),
		MediaType: mediaType(out.Metadata),
		Uploader:  uploader(out.Metadata),
		StoredAt:  aws.ToTime(out.LastModified),
		KMSKeyARN: aws.ToString(out.SSEKMSKeyId),
		ETag:      aws.ToString(out.ETag),
	}, nil
}

// sizeOf returns the size of the whole object whose part want is in out.
func sizeOf(out *s3.GetObjectOutput, want cas.Range) (int64, error) {
	if out.ContentLength == nil {
		return 0, errors.New("an answer without Content-Length")
	}
	length := *out.ContentLength
	if want == (cas.Range{}) {
		return length, nil
	}
	text := aws.ToString(out.ContentRange) // "bytes 0-99/1000"
	_, after, _ := strings.Cut(text, "/")
	size, err := strconv.ParseInt(after, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("asked for %s, got Content-Range %q", want.Header(), text)
	}
	part, err := want.Within(size)
	if err != nil || length != part.Length || text != fmt.Sprintf("bytes %d-%d/%d", part.Offset, part.Offset+part.Length-1, size) {
		return 0, fmt.Errorf("asked for %s, got Content-Range %q and %d bytes", want.Header(), text, length)
	}
	return size, nil
}
